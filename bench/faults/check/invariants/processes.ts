/** 5: the outbox drains, or each rest is a dead letter with a reason. 10: a content is what its hash says. 11: memory stays bounded. */
import type { Model } from "../model.ts";
import { type Violation, violation } from "../violation.ts";

/** Of one process, resident. A webserver with these few documents needs about 150 MB. */
const MAX_BYTES = 512 * 1024 * 1024;

export function outbox(model: Model): Violation[] {
  const found: Violation[] = [];
  for (const { process, pending, queued, deadLetters } of model.finals) {
    if (pending > 0 || queued.length > 0)
      found.push(violation(5, `${process} still has ${pending} writes that wait: ${queued.slice(0, 5).join(", ")}`));
    for (const { mutationId, code, message } of deadLetters)
      if (code === "" || message === "") found.push(violation(5, `the dead letter ${mutationId} of ${process} has no reason`));
  }
  return found;
}

export function contents(model: Model): Violation[] {
  const found: Violation[] = [];
  for (const { process, contents: held } of model.finals) {
    for (const [id, { said, read }] of Object.entries(held))
      if (said !== read) found.push(violation(10, `${process} reads ${read} of a content that is ${said}`, "resources", id));
  }
  for (const { asked, answer, process, outcome, op } of model.operations.values()) {
    if (asked.kind === "open" && outcome === "acknowledged" && answer.sha256 === "")
      found.push(violation(10, `op ${op}: ${process} read a content that is not what its document says`, "resources", asked.id));
    if (asked.kind !== "upload" || outcome !== "acknowledged") continue;
    const version = model.versionsOf("resources", asked.id).find(({ revision }) => revision === answer.revision);
    if (version && !version.body.includes(asked.sha256) && version.marks.includes(asked.mark))
      found.push(
        violation(10, `op ${op}: ${answer.revision} does not name the content that was uploaded`, "resources", asked.id),
      );
  }
  return found;
}

export function memory(model: Model): Violation[] {
  const most = new Map<string, number>();
  for (const entry of model.entries)
    if (entry.type === "memory") most.set(entry.process, Math.max(most.get(entry.process) ?? 0, entry.bytes));
  return [...most]
    .filter(([, bytes]) => bytes > MAX_BYTES)
    .map(([process, bytes]) => violation(11, `${process} took ${Math.round(bytes / 1024 / 1024)} MB`));
}
