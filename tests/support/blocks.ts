/** The blocks of a document: what stands behind its opening fence, and what is in it. A closing fence never opens one. */
export interface Block {
  info: string;
  text: string;
}

export function blocksOf(document: string): Block[] {
  return [...document.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, info = "", text = ""]) => ({
    info: info.trim(),
    text,
  }));
}
