/** docs/configuration.md, from the declarations of the settings. */
import { defaultTextOf } from "../../support/config/flags.ts";
import { DECLARATIONS, type Declaration, KEY_NAMES, type User, variablesOf } from "../../support/config/keys/index.ts";
import { OVERRIDE_KEYS } from "../../support/config/overrides.ts";
import { INSTEAD, OTHERS, SECTIONS } from "../../support/config/product-keys.ts";

const HEAD = `<!-- Generated from scripts/support/config/keys/ by \`npm run generate\`: do not edit. -->
# Configuration

Every command but \`demo\`, \`outbox\` and \`faults\` takes its settings from its flags, from the file of \`--config\` (a gravwell.conf, which may be one that is in use), from the
environment, and from the defaults, in this order: the environment counts only where the file says nothing. \`frontsync config check --config FILE\`
prints what was understood and where each value comes from.

\`\`\`
[Global]
Datastore = 10.0.0.5          # where the datastore is
External-Addr = 10.0.0.1:443  ; where this webserver is
Control-Auth = "a secret # of ours"
\`\`\`

- Names are the same in upper and lower case. \`#\` and \`;\` begin comments, also at the end of a line, unless they are quoted.
- A value is bare, "quoted" (with \`\\"\`, \`\\\\\`, \`\\n\`, \`\\t\`) or between backquotes, where nothing has a special meaning.
- Yes: \`true\`, \`yes\`, \`on\`, \`1\`, or the name alone. No: \`false\`, \`no\`, \`off\`, \`0\`.
- A setting that takes several values may be repeated, or have them with commas between them. Of any other one the last line counts.
- What is empty counts as not there. Paths begin at the file's folder.
- What is not known is refused, with file and line.
- Each environment variable also exists with \`_FILE\` at its end: it names a file that holds the value. A secret has no flag but one for such a file.
- \`SIGHUP\` makes a running datastore, webserver or load balancer read the settings marked ↻ again.
`;

const COMMANDS: Record<User, string> = {
  datastore: "datastore",
  webserver: "webserver",
  loadbalancer: "loadbalancer",
  client: "status, backup, restore, reseed, fuse, rescue, resources, import, drain",
};

export function configuration(): string {
  const rows = KEY_NAMES.map((key) => row(DECLARATIONS[key]));
  const overrides = Object.values(OVERRIDE_KEYS).map(({ name, about }) => `| \`${name}\` | ${about} |`);
  return `${HEAD}
## [Global]

| setting | default | flag, environment | for | what it is |
| --- | --- | --- | --- | --- |
${rows.join("\n")}

Settings marked * are frontsync's own; the others have the product's names.

## [Override "name"]

Webservers that the load balancer knows without a datastore.

| setting | what it is |
| --- | --- |
${overrides.join("\n")}

## What is for other programs

These are known, and read over, so that one file may serve all programs:

${Object.entries(INSTEAD)
  .map(([name, instead]) => `- \`${name}\`: ${instead}.`)
  .join("\n")}
- ${OTHERS.map((name) => `\`${name}\``).join(", ")}.
- The sections ${SECTIONS.map((name) => `\`[${name}]\``).join(", ")}.
`;
}

function row(declaration: Declaration): string {
  const { name, aliases = [], about, usedBy, flag, choices, unit, reloads, own, secret, kind } = declaration;
  const names = [name, ...aliases].map((one) => `\`${one}\``).join(", ");
  const marks = `${own ? " *" : ""}${reloads ? " ↻" : ""}`;
  const standard = secret ? "`ControlSecrets`" : (defaultTextOf(declaration) ?? (kind === "boolean" ? "no" : "none"));
  const variables = variablesOf(declaration).map((one) => `\`${one}\``);
  const users = usedBy.length === Object.keys(COMMANDS).length ? "all" : usedBy.map((user) => COMMANDS[user]).join(", ");
  const values = choices ? ` One of ${choices.map((one) => `\`${one}\``).join(", ")}.` : "";
  const range = declaration.max === undefined ? "" : ` From ${declaration.min} to ${declaration.max}${unit ? ` ${unit}` : ""}.`;
  return `| ${names}${marks} | ${standard} | ${[`\`--${flag}\``, ...variables].join(", ")} | ${users} | ${about}${values}${range} |`;
}
