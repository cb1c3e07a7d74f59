/* anser-dataplane: answers UDP queries from the table that anser-control publishes. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/housekeeping.h"
#include "shared/log.h"

enum {
	EXIT_USAGE = 2,
	OPTION_VERSION = 256,
	OPTION_SUPERVISED,
	OPTION_LOG_FORMAT,
	OPTION_LOG_LEVEL,
};

static const char usage[] =
	"usage: anser-dataplane --control-socket PATH\n"
	"\n"
	"Answers DNS queries over UDP from the table that anser-control publishes. Addresses,\n"
	"workers and everything else come from there. Waits for it when it is not running, and\n"
	"goes on answering when it ends.\n"
	"\n"
	"  -s, --control-socket PATH  where anser-control waits for data planes\n"
	"                             (its option control.dataplane-socket)\n"
	"      --supervised           anser-control started this process and will end it\n"
	"      --log-format FORM      text or json (text)\n"
	"      --log-level LEVEL      error, warning, info or debug (info)\n"
	"  -h, --help                 print this and exit\n"
	"      --version              print the version and exit\n";

static const struct option long_options[] = {
	{"control-socket", required_argument, NULL, 's'},
	{"supervised", no_argument, NULL, OPTION_SUPERVISED},
	{"log-format", required_argument, NULL, OPTION_LOG_FORMAT},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

static int refuse_usage(const char *why)
{
	if (why)
		fprintf(stderr, "anser-dataplane: %s\n", why);
	fprintf(stderr, "Try \"anser-dataplane --help\".\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct housekeeping_options options = {0};
	int form = LOG_FORM_TEXT;
	int level = LOG_LEVEL_INFO;
	int option;

	while ((option = getopt_long(argc, argv, "s:h", long_options, NULL)) != -1) {
		switch (option) {
		case 's': options.control_socket = optarg; break;
		case OPTION_SUPERVISED: options.supervised = true; break;
		case OPTION_LOG_FORMAT: form = log_form_named(optarg); break;
		case OPTION_LOG_LEVEL: level = log_level_named(optarg); break;
		case 'h': fputs(usage, stdout); return EXIT_SUCCESS;
		case OPTION_VERSION:
			puts("anser-dataplane " ANSER_VERSION);
			return EXIT_SUCCESS;
		default: return refuse_usage(NULL);
		}
	}
	if (optind < argc)
		return refuse_usage("no arguments are expected");
	if (options.control_socket == NULL || options.control_socket[0] == '\0')
		return refuse_usage("--control-socket is needed");
	if (form < 0)
		return refuse_usage("--log-format is text or json");
	if (level < 0)
		return refuse_usage("--log-level is error, warning, info or debug");
	log_configure("anser-dataplane", (enum log_form)form, (enum log_level)level);
	return housekeeping_run(&options) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
