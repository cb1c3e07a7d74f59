// The status page: asks for the counters every second and for the status every ten (it costs the
// server more), and shows what came. Texts are set as text, never as markup.
"use strict";

const STATS_MS = 1000, STATUS_MS = 10000, POINTS = 120;
const byId = id => document.getElementById(id);
const points = [];
let last = null;
let running = false;

async function ask(path) {
	const key = sessionStorage.getItem("key");
	const answer = await fetch(path, {headers: key ? {"X-API-Key": key} : {}, cache: "no-store"});
	if (answer.status === 401 || answer.status === 403) {
		sessionStorage.removeItem("key");
		throw Object.assign(new Error("key"), {key: true});
	}
	if (!answer.ok)
		throw new Error(answer.statusText);
	return answer.json();
}

function element(name, text) {
	const e = document.createElement(name);
	e.textContent = text;
	return e;
}

function list(id, entries) {
	byId(id).replaceChildren(...entries.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

function rows(id, lines) {
	byId(id).replaceChildren(...lines.map(cells => {
		const row = document.createElement("tr");
		row.append(...cells.map(cell => element("td", cell)));
		return row;
	}));
}

const number = n => Math.round(n).toLocaleString("en");

function state(text, kind) {
	byId("state").textContent = text;
	byId("state").className = "badge " + kind;
}

function draw() {
	const top = Math.max(1, ...points);
	byId("line").setAttribute("points", points.map((p, i) =>
		`${600 * (i + POINTS - points.length) / (POINTS - 1)},${118 - 114 * p / top}`).join(" "));
	byId("top").textContent = number(Math.max(0, ...points));
}

// Counters go back to nothing when the server starts again.
function rate(now, before, seconds, name) {
	return Math.max(0, (now[name] - before[name]) / seconds);
}

function showRates(stats, at) {
	const now = stats.counters, total = now.responses || 1;
	if (last) {
		const seconds = (at - last.at) / 1000;
		const of = name => rate(now, last.stats.counters, seconds, name);
		points.push(of("queries"));
		if (points.length > POINTS)
			points.shift();
		draw();
		list("rates", [["queries/s", number(of("queries"))], ["responses/s", number(of("responses"))],
			["over TCP/s", number(of("tcp"))], ["NXDOMAIN/s", number(of("rcode_nxdomain"))],
			["SERVFAIL/s", number(of("rcode_servfail"))], ["kbit/s out", number(of("bytes_out") * 8 / 1000)]]);
		const before = new Map(last.stats.attachments.map(a => [a.pid, a]));
		rows("planes", stats.attachments.map(a => [String(a.pid), a.io, String(a.workers),
			before.has(a.pid) ? number(rate(a.counters, before.get(a.pid).counters, seconds, "queries")) : "",
			String(a.generation), a.stopped ? "stopped" : "at work"]));
	}
	rows("rcodes", Object.keys(now).filter(name => name.startsWith("rcode_")).map(name =>
		[name.slice(6).toUpperCase(), number(now[name]), (100 * now[name] / total).toFixed(2) + " %"]));
	last = {stats, at};
}

function showStatus(status) {
	state(status.state, status.state);
	byId("version").textContent = `${status.version}, up ${number(status.uptime_s)} s`;
	byId("alarms").replaceChildren(...status.alarms.map(text => element("li", text)));
	list("zones", [["served", number(status.zones.served)], ["failed", number(status.zones.failed)],
		["records", number(status.records)], ["names in the table", number(status.table.names)],
		["table, MB", number(status.table.bytes_used / 1e6)], ["TCP connections", number(status.tcp_connections)]]);
}

function failed(error) {
	if (error.key) {
		running = false;
		byId("login").hidden = false;
		byId("main").hidden = true;
		state("key wanted", "");
	} else {
		state("no answer", "lost");
	}
}

// The next question waits for the answer: a slow server is not asked more than it can answer.
async function repeat(path, show, ms) {
	while (running) {
		try {
			show(await ask(path), performance.now());
			byId("main").hidden = false;
		} catch (error) {
			failed(error);
		}
		await new Promise(resume => setTimeout(resume, ms));
	}
}

function start() {
	running = true;
	repeat("/api/anser/v1/status", showStatus, STATUS_MS);
	repeat("/api/anser/v1/stats", showRates, STATS_MS);
}

byId("login").addEventListener("submit", event => {
	event.preventDefault();
	sessionStorage.setItem("key", byId("key").value);
	byId("key").value = "";
	byId("login").hidden = true;
	start();
});
start();
