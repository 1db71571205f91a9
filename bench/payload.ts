import { randomBytes } from "node:crypto";

/** A document as it is sent: what the web interface saves, plain JSON. */
export interface Dashboard {
  id: string;
  name: string;
  data: { version: number; grid: number; tiles: Tile[]; note: string };
}

interface Tile {
  title: string;
  query: string;
  renderer: string;
  span: { x: number; y: number; width: number; height: number };
}

const RUN = randomBytes(4).toString("hex");
let made = 0;

/** Never given before, in no process and no run: a put with it creates a document. */
export function freshId(): string {
  made++;
  return `${RUN}-${process.pid}-${made}`;
}

const contents = new Map<string, Dashboard["data"]>();

/** A dashboard whose JSON has exactly `bytes` bytes. Those with ids of one length share their content: making them costs nothing that
 *  would be measured. */
export function dashboard(id: string, bytes: number): Dashboard {
  const key = `${bytes}/${Buffer.byteLength(id)}`;
  const data = contents.get(key) ?? content(id, bytes);
  contents.set(key, data);
  return named(id, data);
}

/** As many tiles as fit, and a note that fills the rest. */
function content(id: string, bytes: number): Dashboard["data"] {
  const data: Dashboard["data"] = { version: 2, grid: 12, tiles: [], note: "" };
  const size = () => Buffer.byteLength(JSON.stringify(named(id, data)));
  while (size() <= bytes) data.tiles.push(tile(data.tiles.length));
  data.tiles.pop();
  const rest = bytes - size();
  if (rest < 0) throw new Error(`a dashboard with the id ${id} does not fit into ${bytes} bytes`);
  data.note = "x".repeat(rest);
  return data;
}

function named(id: string, data: Dashboard["data"]): Dashboard {
  return { id, name: `Dashboard ${id}`, data };
}

function tile(number: number): Tile {
  return {
    title: `Requests by status, group ${number}`,
    query: `tag=web${number} json status bytes | stats count sum(bytes) by status over 1h`,
    renderer: number % 2 === 0 ? "linechart" : "table",
    span: { x: (number % 3) * 4, y: Math.floor(number / 3) * 3, width: 4, height: 3 },
  };
}
