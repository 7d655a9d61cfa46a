"""The page that shows the OpenAPI document to people. It loads nothing from elsewhere."""

from typing import Final

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Perdure API</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem 1rem 4rem; }
h2 { margin: 2rem 0 .5rem; text-transform: capitalize; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; }
summary { cursor: pointer; padding: .4rem .7rem; }
details > div { border-top: 1px solid var(--line); padding: .2rem .9rem .8rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); border-radius: 6px; overflow: auto; padding: .6rem; }
b.m { display: inline-block; font: 600 12px ui-monospace, monospace; width: 4.2rem; }
.get { color: #0a7ea4; } .post { color: #18794e; } .put, .patch { color: #ad5700; } .delete { color: #ca244d; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; }
input { font: inherit; padding: .3rem .5rem; width: 100%; box-sizing: border-box; }
</style>
</head>
<body>
<h1>Perdure API</h1>
<p><a href="openapi.json">openapi.json</a></p>
<input id="filter" placeholder="Filter by path, method or words" aria-label="Filter">
<main id="out">Loading …</main>
<script>
const el = (tag, attributes, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children.filter(child => child != null));
  return node;
};
const show = (spec) => {
  const example = (schema, depth, seen) => {
    if (!schema) return null;
    if (schema.$ref) {
      const name = schema.$ref.split("/").pop();
      if (seen.includes(name)) return name;
      return example(spec.components.schemas[name], depth + 1, [...seen, name]);
    }
    const options = schema.anyOf || schema.oneOf || schema.allOf;
    if (options) return example(options.find(o => o.type !== "null") || options[0], depth, seen);
    if (schema.enum) return schema.enum.length > 8 ? schema.enum[0] : schema.enum.join(" | ");
    if (schema.const !== undefined) return schema.const;
    if (schema.type === "array") return [example(schema.items || schema.prefixItems?.[0], depth + 1, seen)];
    if (schema.properties) {
      const required = schema.required || [];
      return Object.fromEntries(Object.entries(schema.properties).map(
        ([name, part]) => [name + (required.includes(name) ? "" : "?"), example(part, depth + 1, seen)]));
    }
    return schema.type || "any";
  };
  const body = (title, content) => {
    const schema = content && Object.values(content)[0].schema;
    if (!schema) return null;
    const text = JSON.stringify(example(schema, 0, []), null, 2);
    return el("div", {}, el("h4", {textContent: title}), el("pre", {textContent: text}));
  };
  const parameters = (list) => list && list.length ? el("table", {}, ...list.map(p => el("tr", {},
    el("td", {}, el("code", {textContent: p.name + (p.required ? "" : "?")})),
    el("td", {textContent: p.in}),
    el("td", {textContent: p.description || p.schema?.title || ""})))) : null;
  const groups = {};
  for (const [path, methods] of Object.entries(spec.paths))
    for (const [method, op] of Object.entries(methods))
      (groups[op.tags?.[0] || "other"] ||= []).push({path, method, op});
  const out = document.getElementById("out");
  out.replaceChildren(...Object.entries(groups).map(([tag, ops]) => el("section", {}, el("h2", {textContent: tag}),
    ...ops.map(({path, method, op}) => {
      const label = el("b", {className: "m " + method, textContent: method.toUpperCase()});
      const words = " " + (op.description || op.summary || "");
      const details = el("details", {}, el("summary", {}, label, el("code", {textContent: path}), words));
      details.dataset.words = [method, path, op.description, op.summary].join(" ").toLowerCase();
      details.addEventListener("toggle", () => {
        if (details.childElementCount > 1) return;
        const replies = Object.entries(op.responses).filter(([code]) => code !== "default");
        details.append(el("div", {}, parameters(op.parameters), body("Request", op.requestBody?.content),
          ...replies.map(([code, reply]) => body("Reply " + code, reply.content) ||
            el("h4", {textContent: "Reply " + code}))));
      });
      return details;
    }))));
  document.getElementById("filter").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\\s+/).filter(Boolean);
    for (const node of out.querySelectorAll("details"))
      node.hidden = !words.every(word => node.dataset.words.includes(word));
    for (const section of out.querySelectorAll("section"))
      section.hidden = ![...section.querySelectorAll("details")].some(node => !node.hidden);
  });
};
fetch("openapi.json").then(reply => reply.json()).then(show).catch(error => {
  document.getElementById("out").textContent = "The document could not be loaded: " + error;
});
</script>
</body>
</html>
"""
