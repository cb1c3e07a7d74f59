/*
 * The grace protocol of docs/EPOCH.md as a model for spin.
 *
 *      spin -a epoch.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan -E
 *      spin -DLIVE -a epoch.pml && cc -O2 -DNFAIR=4 -o pan pan.c && ./pan -a -f
 *
 * One writer, its publisher, and data planes of one worker each. The writer replaces an object,
 * asks for a grace period, and frees the old object when the publisher says that the number has
 * passed. Data planes may be killed, and may lose their connection, at any step; the writer may
 * move to a fresh segment instead of waiting, as one does that lost patience or was started
 * again. A data plane that is stopped, for a while or for good, is one that takes no more steps,
 * which the model always allows; data planes do not meet, so that one is enough to look at.
 *
 * Checked: no worker looks at a freed object (the assertion in worker()); and with LIVE, where
 * data planes may be killed and all others take their steps, that the writer gets everything
 * freed (the claim done).
 *
 * The model can fail: each BUG_ takes one rule away, and then a violation is found.
 */
#ifndef PLANES
#define PLANES 1
#endif
#define SEGMENTS 2
#define OBJECTS  2 /* per segment: the current one, and one that is free or about to be */
#define NONE     9

#ifndef UPDATES
#define UPDATES 2 /* that the writer makes */
#endif

mtype = { SEGMENT, GRACE, SEGMENT_DONE, GRACE_DONE };

/* ---- the table ---- */

#define OBJECT(s, o) ((s) * OBJECTS + (o))

byte current[SEGMENTS]; /* object that a reader finds */
bool freed[SEGMENTS * OBJECTS];
byte newest;    /* segment */
byte requested; /* grace number */
bool finished;

/* ---- what the publisher knows of each attachment, and of an earlier one of that process ---- */

typedef hold {
	bool there;
	bool open;     /* a question is open */
	byte offered;  /* segment */
	byte answered; /* grace number */
};
hold held[PLANES];
hold before[PLANES];

#define FREE_OF(h, n) (!h.there || h.offered != newest || h.answered >= (n))
#if PLANES == 1
#define PASSED(n) (FREE_OF(held[0], n) && FREE_OF(before[0], n))
#else
#define PASSED(n)                                         \
	(FREE_OF(held[0], n) && FREE_OF(before[0], n) &&  \
	 FREE_OF(held[1], n) && FREE_OF(before[1], n))
#endif

/* ---- the data planes ---- */

/* One message each way is enough: one question is open at a time. */
chan down[PLANES] = [1] of { mtype, byte };
chan up[PLANES] = [1] of { mtype, byte };
bool connected[PLANES];
bool dead[PLANES];
byte table[PLANES]; /* segment that the worker uses */
bool online[PLANES];
bool quiet[PLANES]; /* the worker was quiet since synchronize_rcu() began */

/* Replaces, asks, waits, frees. */
proctype writer()
{
	byte number;
	byte old;
	byte n;

	do
	:: n < UPDATES ->
		n++;
		old = current[newest];
#ifdef BUG_ASK_FIRST
		atomic { requested++; number = requested };
#endif
		/* The other object of the pair is free: written, then published by one store. */
		atomic {
			freed[OBJECT(newest, 1 - old)] = false;
			current[newest] = 1 - old
		};
#ifndef BUG_ASK_FIRST
		atomic { requested++; number = requested };
#endif
		if
		:: atomic { PASSED(number) -> freed[OBJECT(newest, old)] = true }
		:: newest + 1 < SEGMENTS -> newest++ /* in the old one nothing is freed again */
		fi
	:: else -> break
	od;
	finished = true
}

/* The loop thread's work for one data plane: each option is one turn under the lock. */
proctype publisher(byte p)
{
	byte n;

end:	do
	/* Ask, if no question is open. */
	:: atomic {
		connected[p] && held[p].there && !held[p].open && held[p].offered != newest ->
		down[p]!SEGMENT(newest);
		held[p].open = true;
		held[p].offered = newest;
		held[p].answered = requested
	   }
	:: atomic {
		connected[p] && held[p].there && !held[p].open && held[p].offered == newest &&
		held[p].answered < requested ->
		down[p]!GRACE(requested);
		held[p].open = true
	   }
	/* Hear. */
	:: atomic {
		up[p]?GRACE_DONE(n) ->
		held[p].open = false;
		held[p].answered = n;
		n = 0
	   }
	:: atomic {
		up[p]?SEGMENT_DONE(n) ->
		held[p].open = false;
		before[p].there = false; /* it has switched: what it was is over */
		n = 0
	   }
	/* It hung up but lives: what it may be looking at is remembered. */
	:: atomic {
		!connected[p] && held[p].there && !dead[p] ->
#ifndef BUG_FORGET_AT_HANGUP
		if
		:: held[p].offered == NONE || (before[p].there && before[p].offered == newest)
		:: else ->
			before[p].there = true;
			before[p].offered = held[p].offered;
			before[p].answered = held[p].answered
		fi;
#endif
		held[p].there = false;
		held[p].open = false
	   }
	/* The process has ended: nobody looks. */
	:: atomic {
		dead[p] ->
#ifndef BUG_IGNORE_DEATH
		held[p].there = false;
		before[p].there = false;
#endif
		break
	   }
	od
}

/* Waits for the one worker. */
inline synchronize(p)
{
	quiet[p] = false;
#ifndef BUG_NO_SYNCHRONIZE
	!online[p] || quiet[p] || dead[p];
#endif
}

proctype housekeeper(byte p)
{
	byte n;

end:	do
	:: dead[p] -> break
	:: atomic { !dead[p] && down[p]?[SEGMENT, _] -> down[p]?SEGMENT(n) };
		table[p] = n;
#ifndef BUG_ANSWER_BEFORE_SWITCH
		synchronize(p);
#endif
		atomic { if :: connected[p] -> up[p]!SEGMENT_DONE(n) :: else fi; n = 0 }
	:: atomic { !dead[p] && down[p]?[GRACE, _] -> down[p]?GRACE(n) };
		synchronize(p);
		atomic { if :: connected[p] -> up[p]!GRACE_DONE(n) :: else fi; n = 0 }
	/* Attach again, to where the hang-up has been noticed. */
	:: atomic {
		!dead[p] && !connected[p] && !held[p].there ->
		connected[p] = true;
		held[p].there = true;
		held[p].open = false;
		held[p].offered = NONE;
		held[p].answered = 0
	   }
	od
}

/* Bursts: the table pointer, what it leads to, a look at that, quiet; offline at times. */
proctype worker(byte p)
{
	byte s;
	byte o;

end:	do
	:: dead[p] -> break
	:: atomic { !dead[p] && table[p] != NONE && !online[p] -> online[p] = true }
	:: atomic { !dead[p] && online[p] -> s = table[p] };
		o = current[s];
		atomic {
			assert(dead[p] || !freed[OBJECT(s, o)]);
			s = 0;
			o = 0
		};
		quiet[p] = true
	:: atomic { !dead[p] && online[p] -> online[p] = false; quiet[p] = true }
	od
}

/* What befalls a data plane. */
proctype fate(byte p)
{
	bool hung_up;

end:	do
	:: atomic {
		dead[p] = true;
		connected[p] = false;
		if :: down[p]?_, _ :: empty(down[p]) fi;
		if :: up[p]?_, _ :: empty(up[p]) fi;
		break
	   }
#ifdef LIVE
	:: break
#else
	:: atomic {
		connected[p] && !dead[p] && !hung_up ->
		hung_up = true;
		connected[p] = false;
		if :: down[p]?_, _ :: empty(down[p]) fi;
		if :: up[p]?_, _ :: empty(up[p]) fi
	   }
#endif
	od
}

init
{
	byte p;

	atomic {
		do
		:: p < PLANES ->
			table[p] = NONE;
			connected[p] = true;
			held[p].there = true;
			held[p].offered = NONE;
			run publisher(p);
			run housekeeper(p);
			run worker(p);
			run fate(p);
			p++
		:: else -> break
		od;
		run writer()
	}
}

#ifdef LIVE
ltl done { <> finished }
#endif
