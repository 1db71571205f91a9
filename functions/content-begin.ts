import { defineFunction } from "./host/define.ts";

/** Before an upload: what the store has of the content already, and whether it would be taken. */
export default defineFunction({
  name: "content-begin",
  scope: "all",
  description: "What the store has of a content, before any of it is sent.",
  reply: "content-begin.reply",
  errors: [],
  async handle({ sha256, size }, _caller, { contents }) {
    if (size !== undefined) contents.checkSize(size);
    return { ...(await contents.begin(sha256)), maxBytes: contents.maxBytes };
  },
});
