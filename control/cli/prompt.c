#include "control/cli/prompt.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool prompt_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

char prompt_choice(const char *question, const char *letters)
{
	char line[128];

	for (;;) {
		(void)fprintf(stderr, "%s ", question);
		(void)fflush(stderr);
		if (!fgets(line, sizeof line, stdin)) {
			(void)fputc('\n', stderr);
			return letters[strlen(letters) - 1];
		}
		if (line[0] && strchr(letters, line[0]))
			return line[0];
	}
}

/* As the shell reads it, since it may have arguments. */
static const char *editor_script(void)
{
	const char *visual = getenv("VISUAL");
	const char *editor = getenv("EDITOR");

	if (visual && visual[0])
		return "eval \"$VISUAL\" '\"$1\"'";
	if (editor && editor[0])
		return "eval \"$EDITOR\" '\"$1\"'";
	return "for e in sensible-editor editor nano vi; do "
	       "command -v $e >/dev/null && exec $e \"$1\"; done; "
	       "echo 'no editor is found: set EDITOR' >&2; exit 127";
}

static int run_and_wait(const char *path)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		(void)signal(SIGINT, SIG_DFL);
		(void)signal(SIGQUIT, SIG_DFL);
		(void)execl("/bin/sh", "sh", "-c", editor_script(), "sh", path,
		            (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

bool prompt_editor(const char *path)
{
	/* What is typed in the editor is not for us. */
	void (*interrupt)(int) = signal(SIGINT, SIG_IGN);
	void (*quit)(int) = signal(SIGQUIT, SIG_IGN);

	(void)fflush(stdout);
	int status = run_and_wait(path);
	(void)signal(SIGINT, interrupt);
	(void)signal(SIGQUIT, quit);
	if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	(void)fputs("anserctl: the editor has failed\n", stderr);
	return false;
}
