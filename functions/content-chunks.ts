import { defineFunction } from "./host/define.ts";

/** Stores some chunks of a content, once, in order. */
export default defineFunction({
  name: "content-chunks",
  scope: "all",
  framed: true,
  description: "Stores some chunks of a content; the JSON is followed by their bytes.",
  reply: "content-chunks.reply",
  errors: ["CONTENT_MISMATCH"],
  async handle({ sha256, size, from }, { bytes, deadline }, { contents }) {
    return { chunks: await contents.append(sha256, size, from, bytes, deadline) };
  },
});
