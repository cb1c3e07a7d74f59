/*
 * A tool of the build: writes a YAML document as JSON. The document is a tree of nodes, numbered, of
 * which the children always come behind their parents; so the values are made from the last node to
 * the first, and each finds its children ready. Aliases, which would point backwards, are refused.
 *
 * Plain scalars are what JSON has a word for: numbers, true, false, null. All others are text.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

static const char *text_of(const yaml_node_t *n)
{
	return (const char *)n->data.scalar.value;
}

/* Gives NULL for what is no JSON by itself. */
static json_t *plain_value(const char *text)
{
	return json_loads(text, JSON_DECODE_ANY, NULL);
}

static json_t *scalar_value(const yaml_node_t *n)
{
	bool plain = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	json_t *value = plain ? plain_value(text_of(n)) : NULL;

	return value ? value : json_string(text_of(n));
}

/* Releases a value that is not complete. Gives NULL. */
static json_t *refuse(const yaml_node_t *n, const char *why, json_t *value)
{
	(void)fprintf(stderr, "line %zu: %s\n", n->start_mark.line + 1, why);
	json_decref(value);
	return NULL;
}

static json_t *sequence_value(const yaml_node_t *n, json_t *const values[])
{
	json_t *list = json_array();

	for (const yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top; i++)
		if (json_array_append(list, values[*i]) < 0)
			return refuse(n, "an alias", list);
	return list;
}

static json_t *mapping_value(yaml_document_t *d, const yaml_node_t *n,
                             json_t *const values[])
{
	json_t *object = json_object();

	for (const yaml_node_pair_t *p = n->data.mapping.pairs.start;
	     p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(d, p->key);

		if (key->type != YAML_SCALAR_NODE)
			return refuse(key, "a key that is no text", object);
		if (json_object_get(object, text_of(key)))
			return refuse(key, "a key for the second time", object);
		if (json_object_set(object, text_of(key), values[p->value]) < 0)
			return refuse(key, "an alias", object);
	}
	return object;
}

static json_t *node_value(yaml_document_t *d, const yaml_node_t *n,
                          json_t *const values[])
{
	switch (n->type) {
	case YAML_SCALAR_NODE: return scalar_value(n);
	case YAML_SEQUENCE_NODE: return sequence_value(n, values);
	case YAML_MAPPING_NODE: return mapping_value(d, n, values);
	case YAML_NO_NODE: break;
	}
	return NULL;
}

/* Gives the document's root, or NULL after a message. */
static json_t *document_value(yaml_document_t *d)
{
	size_t count = (size_t)(d->nodes.top - d->nodes.start);
	json_t **values = calloc(count + 1, sizeof(json_t *)); /* numbers begin with 1 */
	json_t *root = NULL;

	if (!values)
		return NULL;
	for (size_t i = count; i > 0; i--) {
		values[i] = node_value(d, &d->nodes.start[i - 1], values);
		if (!values[i])
			goto out;
	}
	if (count > 0)
		root = json_incref(values[1]);
out:
	for (size_t i = 1; i <= count; i++)
		json_decref(values[i]);
	free(values);
	return root;
}

static json_t *read_yaml(FILE *from)
{
	yaml_parser_t parser;
	yaml_document_t document;
	json_t *root = NULL;

	if (!yaml_parser_initialize(&parser))
		return NULL;
	yaml_parser_set_input_file(&parser, from);
	if (yaml_parser_load(&parser, &document)) {
		root = document_value(&document);
		yaml_document_delete(&document);
	} else {
		(void)fprintf(stderr, "line %zu: %s\n", parser.problem_mark.line + 1,
		              parser.problem);
	}
	yaml_parser_delete(&parser);
	return root;
}

int main(int argc, char **argv)
{
	FILE *from = argc == 3 ? fopen(argv[1], "r") : NULL;

	if (!from) {
		(void)fprintf(stderr, "usage: %s YAML JSON: %s\n", argv[0],
		              strerror(errno));
		return 2;
	}
	json_t *root = read_yaml(from);
	(void)fclose(from);
	bool good = root && json_dump_file(root, argv[2], JSON_COMPACT) == 0;
	json_decref(root);
	return good ? 0 : 1;
}
