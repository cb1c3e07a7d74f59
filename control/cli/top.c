/*
 * "top": what the server does, now. A look each interval; what is shown is the difference between two.
 * A server that is gone is tried again at the next one.
 */
#include <curses.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/cli/cli.h"
#include "control/cli/figures.h"
#include "control/cli/print.h"

struct top {
	struct cli *c;
	struct look last; /* without status: none yet */
	json_t *figures;  /* or NULL */
	char why[256];    /* there are no new ones, or empty */
	uint64_t next;    /* look */
	enum figures_order order;
	bool paused;
	bool quit;
};

/* ---- looking ---- */

static enum engine_outcome ask(struct top *t, const char *command, json_t **out)
{
	enum engine_outcome outcome = cli_call(t->c, command, NULL, out);

	if (outcome != ENGINE_OK) {
		const char *why = json_string_value(json_object_get(*out, "error"));
		(void)snprintf(t->why, sizeof t->why, "%s", why ? why : "refused");
	}
	return outcome;
}

/* Without an answer what was seen before does not count any more. */
static enum engine_outcome look(struct top *t)
{
	struct look now = {.status = NULL};

	t->why[0] = 0;
	enum engine_outcome outcome = ask(t, "status", &now.status);
	if (outcome == ENGINE_OK)
		outcome = ask(t, "stats", &now.stats);
	now.at = client_now();
	if (outcome != ENGINE_OK) {
		look_fini(&now);
		look_fini(&t->last);
		return outcome;
	}
	json_t *figures = t->last.status ? figures_between(&t->last, &now) : NULL;
	if (figures) {
		json_decref(t->figures);
		t->figures = figures;
	}
	look_fini(&t->last);
	t->last = now;
	return ENGINE_OK;
}

/* ---- for scripts ---- */

static void print_figures(const struct top *t)
{
	if (t->c->json)
		print_json(t->figures);
	else
		figures_write(t->figures, t->order, stdout);
	(void)fflush(stdout);
}

static enum engine_outcome report(const struct top *t, enum engine_outcome outcome)
{
	json_t *result = json_pack("{s:s}", "error", t->why);

	cli_refuse(t->c, result);
	json_decref(result);
	return outcome;
}

/* Prints figures: once, or for ever as long as they are read. */
static enum engine_outcome print_all(struct top *t)
{
	unsigned ms = t->c->interval_ms;
	const struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

	for (;;) {
		enum engine_outcome outcome = look(t);
		if (outcome != ENGINE_OK && (t->c->once || outcome != ENGINE_NOT_RUNNING))
			return report(t, outcome);
		if (t->figures) {
			print_figures(t);
			json_decref(t->figures);
			t->figures = NULL;
			if (t->c->once || ferror(stdout))
				return ENGINE_OK;
		}
		(void)nanosleep(&pause, NULL);
	}
}

/* ---- the screen ---- */

static void draw_lines(char *text)
{
	int row = 0;

	for (char *line = text; *line && row < LINES - 2; row++) {
		char *end = line + strcspn(line, "\n");
		bool heading = !strncmp(line, "DATA PLANE", 10) || row == 0;
		bool alarm = !strncmp(line, "ALARM", 5);
		char *next = *end ? end + 1 : end;
		*end = 0;
		if (heading || alarm)
			attron(A_BOLD);
		mvaddnstr(row, 0, line, COLS);
		attroff(A_BOLD);
		line = next;
	}
}

static void draw(const struct top *t)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	if (t->figures)
		figures_write(t->figures, t->order, to);
	else
		(void)fputs("Looking...\n", to);
	if (fclose(to) != 0)
		abort();
	erase();
	draw_lines(text);
	free(text);
	if (t->why[0]) {
		attron(A_BOLD);
		mvaddnstr(LINES - 2, 0, t->why, COLS);
		attroff(A_BOLD);
	}
	attron(A_REVERSE);
	mvprintw(LINES - 1, 0, "q quit  p %s  + - every %.1f s  sorted by %s: w r d t",
	         t->paused ? "GO ON" : "pause", t->c->interval_ms / 1e3,
	         figures_orders[t->order]);
	attroff(A_REVERSE);
	refresh();
}

static void set_interval(struct top *t, unsigned ms)
{
	if (ms >= INTERVAL_MIN_MS && ms <= INTERVAL_MAX_MS)
		t->c->interval_ms = ms;
	t->next = client_now() + t->c->interval_ms;
}

static void heed(struct top *t, int key)
{
	switch (key) {
	case 'q': t->quit = true; break;
	case ' ':
	case 'p': t->paused = !t->paused; break;
	case '+': set_interval(t, t->c->interval_ms * 2); break;
	case '-': set_interval(t, t->c->interval_ms / 2); break;
	case 'w': t->order = BY_WORKER; break;
	case 'r': t->order = BY_QUERIES; break;
	case 'd': t->order = BY_DROPS; break;
	case 't': t->order = BY_LATENCY; break;
	default: break; /* KEY_RESIZE, too: what is there is drawn again */
	}
}

static enum engine_outcome watch(struct top *t)
{
	while (!t->quit) {
		uint64_t now = client_now();

		if (now >= t->next) {
			if (!t->paused)
				(void)look(t);
			t->next = client_now() + t->c->interval_ms;
		}
		draw(t);
		now = client_now();
		timeout(t->next > now ? (int)(t->next - now) : 0);
		heed(t, getch());
	}
	return ENGINE_OK;
}

static enum engine_outcome show_screen(struct top *t)
{
	SCREEN *screen = newterm(NULL, stdout, stdin);

	if (!screen)
		return cli_usage("top: this terminal is not known; try --once or --json");
	(void)cbreak();
	(void)noecho();
	(void)curs_set(0);
	(void)keypad(stdscr, true);
	enum engine_outcome outcome = watch(t);
	(void)endwin();
	delscreen(screen);
	return outcome;
}

enum engine_outcome run_top(struct cli *c)
{
	struct top t = {.c = c};
	enum engine_outcome outcome;

	if (c->once || c->json)
		outcome = print_all(&t);
	else if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		outcome = cli_usage("top: not a terminal; try --once or --json");
	else
		outcome = show_screen(&t);
	look_fini(&t.last);
	json_decref(t.figures);
	return outcome;
}
