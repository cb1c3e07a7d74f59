#include "control/backup/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit/event.h"
#include "shared/log.h"

enum { EXIT_USAGE = 2 };

void backup_describe(const struct backup_survey *s, FILE *to)
{
	char text[EVENT_TIME_SIZE];

	(void)fprintf(to, "made          %s, by version %s\n",
	              event_time_text(s->manifest.time_us, text), s->manifest.program);
	(void)fprintf(to,
	              "holds         %" PRIu64 " zones, %" PRIu64 " RRsets, %" PRIu64
	              " events of the audit log\n",
	              s->manifest.counts[STORE_ZONE], s->manifest.counts[STORE_RRSET],
	              s->manifest.audit.head.seq);
	if (s->last == 0) {
		(void)fputs("log           no changes\n", to);
		return;
	}
	(void)fprintf(to, "first change  %" PRIu64 ", %s\n", s->first,
	              event_time_text(s->first_us, text));
	(void)fprintf(to, "last change   %" PRIu64 ", %s\n", s->last,
	              event_time_text(s->last_us, text));
	(void)fprintf(to,
	              "restores to   change %" PRIu64
	              ", or any in its log after that one\n",
	              s->oldest);
}

static int read_until(const char *text, struct restore_until *until)
{
	*until = (struct restore_until){.kind = UNTIL_END};
	if (!text || restore_until_read(text, until) == 0)
		return EXIT_SUCCESS;
	log_error("%s is neither the number of a change nor a time like "
	          "2026-11-21T18:03:04Z",
	          text);
	return EXIT_USAGE;
}

int backup_tool_check(const char *file, const char *until_text)
{
	struct restore_until until;
	struct backup_survey survey;
	char text[RESTORE_TEXT_SIZE] = "";
	int status = read_until(until_text, &until);

	if (status != EXIT_SUCCESS)
		return status;
	FILE *from = fopen(file, "re");
	if (!from) {
		log_error("%s: %s", file, strerror(errno));
		return EXIT_FAILURE;
	}
	int err = backup_check(from, file, &until, &survey, text);
	(void)fclose(from);
	if (err < 0) {
		log_error("%s", text);
		return EXIT_FAILURE;
	}
	backup_describe(&survey, stdout);
	return EXIT_SUCCESS;
}

int backup_tool_restore(const char *file, const char *dir, const char *until_text)
{
	struct restore_until until;
	struct backup_survey survey;
	char text[RESTORE_TEXT_SIZE] = "";
	int status = read_until(until_text, &until);

	if (status != EXIT_SUCCESS)
		return status;
	if (restore(file, dir, &until, &survey, text) < 0) {
		log_error("%s", text);
		return EXIT_FAILURE;
	}
	backup_describe(&survey, stdout);
	(void)printf("restored      into %s, as change %" PRIu64 " left it\n", dir,
	             survey.stop);
	return EXIT_SUCCESS;
}
