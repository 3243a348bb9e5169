"use strict";
const part = id => document.getElementById(id);
let key = "";
const headers = () => ({"Content-Type": "application/json", ...(key ? {Authorization: "Bearer " + key} : {})});

function line(table, id, ...cells) {
  const row = part(table).insertRow();
  if (id) row.id = id;
  for (const text of cells) {
    const code = document.createElement("code");
    const plain = typeof text === "string";
    (plain ? row.insertCell() : row.insertCell().appendChild(code)).textContent = plain ? text : text[0];
  }
}

function limits(cell) {
  const words = [];
  if (cell.enum) words.push(cell.enum.filter(one => one !== null).map(one => JSON.stringify(one)).join(", "));
  if ("minimum" in cell) words.push("from " + cell.minimum);
  if ("maximum" in cell) words.push("to " + cell.maximum);
  const types = [].concat(cell.type || []);
  if (cell.enum ? !cell.enum.includes(null) : !types.includes("null")) words.push("not empty");
  if (cell.description) words.push(cell.description);
  return words.join(" ");
}

function show(all) {
  const example = all.paths["/predict"].post.requestBody.content["application/json"].example;
  document.title = all.info.title;
  part("title").textContent = all.info.title;
  part("about").textContent = "Version " + all.info.version + ". " + all.info.description;
  part("row").value = JSON.stringify(example, null, 2);
  part("row").rows = Math.min(24, part("row").value.split("\n").length + 1);
  for (const [name, cell] of Object.entries(all.components.schemas.Row.properties))
    line("cells", "", [name], cell.enum ? "one of" : [].concat(cell.type).filter(one => one !== "null").join(", "), limits(cell), [JSON.stringify(example[name])]);
  for (const [path, methods] of Object.entries(all.paths))
    for (const [method, what] of Object.entries(methods)) line("paths", "", [method.toUpperCase()], [path], what.summary);
  for (const [reason, what] of Object.entries(all["x-problems"])) line("reasons", reason, [reason], String(what.status), what.title);
  part("content").hidden = false;
  curl();
  if (location.hash) part(location.hash.slice(1))?.scrollIntoView();
}

function curl() {
  const quoted = part("row").value.replaceAll("'", "'\\''");
  const door = part("key").value ? " \\\n  -H \"Authorization: Bearer $KEY\"" : "";
  part("curl").textContent = `curl ${location.origin}/predict \\\n  -H 'Content-Type: application/json'${door} \\\n  -d '${quoted}'`;
}

async function send() {
  const began = performance.now();
  part("took").textContent = "";
  try {
    const answer = await fetch("/predict", {method: "POST", headers: headers(), body: part("row").value});
    part("answer").textContent = JSON.stringify(await answer.json(), null, 2);
    part("answer").className = answer.ok ? "" : "bad";
    part("took").textContent = `${answer.status}, ${(performance.now() - began).toFixed(1)} ms`;
  } catch (error) {
    part("answer").textContent = "The service does not answer: " + error.message;
    part("answer").className = "bad";
  }
  part("answer").hidden = false;
}

async function open() {
  const answer = await fetch("/openapi.json", {headers: headers()});
  part("door").hidden = answer.ok;
  if (answer.ok) show(await answer.json());
}

part("send").addEventListener("click", send);
part("row").addEventListener("input", curl);
part("door").addEventListener("submit", event => { event.preventDefault(); key = part("key").value; open(); });
open();
