// The API's description, made readable: one entry for each operation under its tag, then the schemas.
// Texts are set as text, never as markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const byId = id => document.getElementById(id);

function element(name, text, className) {
	const e = document.createElement(name);
	if (text !== undefined)
		e.textContent = text;
	if (className)
		e.className = className;
	return e;
}

function link(text, id) {
	const a = element("a", text);
	a.href = "#" + id;
	return a;
}

const paragraphs = text => text.trim().split("\n\n").map(one => element("p", one.replaceAll("\n", " ")));
const nameOf = reference => reference.slice(reference.lastIndexOf("/") + 1);

// What a $ref of the document points to; anything else is itself.
const find = (document_, value) => value.$ref
	? value.$ref.slice(2).split("/").reduce((at, step) => at[step], document_) : value;

// A schema in a few words, with links to those that have a name.
function shape(schema) {
	const e = element("span");
	if (!schema)
		e.append("nothing");
	else if (schema.$ref)
		e.append(link(nameOf(schema.$ref), "schema-" + nameOf(schema.$ref)));
	else if (schema.type === "array")
		e.append("array of ", shape(schema.items));
	else if (schema.oneOf || schema.anyOf)
		(schema.oneOf || schema.anyOf).forEach((one, i) => e.append(i ? " or " : "", shape(one)));
	else if (schema.properties)
		e.append(fields(schema));
	else
		e.append(schema.enum ? schema.enum.map(one => JSON.stringify(one)).join(", ") : schema.type || "any");
	if (schema && schema.nullable)
		e.append(" or null");
	return e;
}

function table(headings, lines) {
	const e = element("table"), head = element("tr");
	head.append(...headings.map(text => element("th", text)));
	e.append(head, ...lines.map(cells => {
		const row = element("tr");
		row.append(...cells.map(cell => {
			const td = element("td");
			td.append(cell);
			return td;
		}));
		return row;
	}));
	return e;
}

function fields(schema) {
	const required = new Set(schema.required || []);
	return table(["member", "", "", ""], Object.entries(schema.properties).map(([name, one]) =>
		[element("code", name), shape(one), required.has(name) ? "always" : "", one.description || ""]));
}

function contents(content) {
	const e = element("span");
	Object.entries(content || {}).forEach(([type, one], i) => e.append(i ? "; " : "", type + ": ", shape(one.schema)));
	return e;
}

function operation(document_, path, method, o, shared) {
	const e = element("details", undefined, "operation"), head = element("summary");
	e.id = o.operationId;
	head.append(element("code", method.toUpperCase() + " " + path), " ", element("span", o.summary));
	e.append(head, ...paragraphs(o.description || ""));
	const parameters = [...shared, ...(o.parameters || [])].map(one => find(document_, one));
	if (parameters.length)
		e.append(table(["parameter", "in", "", ""], parameters.map(p =>
			[element("code", p.name), p.in, shape(p.schema), p.description || ""])));
	if (o.requestBody)
		e.append(table(["body"], [[contents(o.requestBody.content)]]));
	e.append(table(["status", "", ""], Object.entries(o.responses).map(([status, one]) => {
		const response = find(document_, one);
		return [element("code", status), response.description, contents(response.content)];
	})));
	return e;
}

function operationsOf(document_, tag) {
	return Object.entries(document_.paths).flatMap(([path, item]) =>
		METHODS.filter(method => item[method] && item[method].tags.includes(tag)).map(method =>
			operation(document_, path, method, item[method], item.parameters || [])));
}

function show(document_) {
	byId("title").textContent = document_.info.title;
	byId("version").textContent = document_.info.version;
	byId("about").replaceChildren(...paragraphs(document_.info.description));
	byId("tags").replaceChildren(...document_.tags.flatMap(tag => [link(tag.name, "tag-" + tag.name), " "]),
		link("schemas", "schemas"));
	byId("operations").replaceChildren(...document_.tags.flatMap(tag => {
		const head = element("h2", tag.name);
		head.id = "tag-" + tag.name;
		return [head, element("p", tag.description, "note"), ...operationsOf(document_, tag.name)];
	}));
	byId("shapes").replaceChildren(...Object.entries(document_.components.schemas).flatMap(([name, schema]) => {
		const head = element("h3", name);
		head.id = "schema-" + name;
		return [head, ...paragraphs(schema.description || ""), shape(schema)];
	}));
	if (location.hash.length > 1)
		byId(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

async function start() {
	const key = sessionStorage.getItem("key");
	const answer = await fetch("/api/anser/v1/openapi.json", {headers: key ? {"X-API-Key": key} : {}});
	if (answer.ok)
		show(await answer.json());
	else
		byId("about").textContent = answer.statusText;
}

start();
