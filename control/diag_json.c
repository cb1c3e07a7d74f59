#include "control/diag_json.h"

#include "control/json_put.h"

static json_t *entry_json(const struct diag_entry *e)
{
	json_t *o = json_object();

	json_put(o, "severity",
	         json_string(e->severity == DIAG_ERROR ? "error" : "warning"));
	/* File and text may quote what is no UTF-8: then the place alone must do. */
	(void)json_object_set_new(o, "file", json_string(e->file));
	json_put(o, "line", json_number(e->line));
	json_put(o, "column", json_number(e->column));
	json_put(o, "rule", json_string(e->rule));
	(void)json_object_set_new(o, "text", json_string(e->text));
	return o;
}

json_t *diag_json(const struct diag *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->kept; i++)
		(void)json_array_append_new(list, entry_json(&d->entries[i]));
	return list;
}
