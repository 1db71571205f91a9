import { defineFunction } from "./host/define.ts";

/** Reads what was stored of a content back, and makes it visible when it is what its hash says. */
export default defineFunction({
  name: "content-end",
  scope: "all",
  description: "Verifies a content whose chunks are all stored, and makes it visible.",
  reply: "content-end.reply",
  errors: ["CONTENT_MISSING", "CONTENT_MISMATCH"],
  async handle({ sha256, size }, _caller, { contents }) {
    await contents.finish(sha256, size);
    return { size };
  },
});
