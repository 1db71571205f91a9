import { FrontsyncError } from "../schemas/errors.ts";
import { defineFunction } from "./host/define.ts";
import { readableResource } from "./store/resources.ts";

/** Verifies a content that somebody could not read. A damaged one is taken away, and the webservers are asked for it at their next check-in. */
export default defineFunction({
  name: "content-check",
  scope: "all",
  description: "Verifies a content; a damaged one is taken away, and webservers that have it are asked for it.",
  reply: "content-check.reply",
  errors: ["NOT_FOUND"],
  async handle({ id, by, sha256 }, _caller, context) {
    const resource = await readableResource(id, by, context);
    if (resource.sha256 !== sha256) throw new FrontsyncError("NOT_FOUND", "The resource has another content now.");
    return { good: await context.contents.check(sha256) };
  },
});
