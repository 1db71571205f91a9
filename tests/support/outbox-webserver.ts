// A webserver that writes while there is no datastore, until it is killed: told where by its parent over IPC. It reports each write when it is
// acknowledged, and before it begins the next one of the same lane.
import { connectBus } from "../../bus/index.ts";

export interface OfflineOrder {
  datastore: string;
  webserver: string;
  dir: string;
  /** In the ids of this life's documents. */
  life: number;
}

export interface OfflineReport {
  id: string;
  field: string;
  mutationId: string;
}

const LANES = 4;

process.once("message", (order: OfflineOrder) => void work(order));
process.on("disconnect", () => process.exit(1));

async function work({ datastore, webserver, dir, life }: OfflineOrder): Promise<void> {
  const bus = await connectBus({ datastore, webserver, dir, updateInterval: 1 });
  const dashboards = bus.collection("dashboards");
  const report = (message: OfflineReport) => new Promise((resolve) => process.send?.(message, resolve));
  const write = async (lane: number) => {
    for (let n = 0; ; n++) {
      const id = `l${life}-${lane}-${Math.floor(n / 4)}`;
      const data = { [`f${n}`]: n };
      const { mutationId } = await (n % 4 === 0 ? dashboards.put({ id, name: id, data }) : dashboards.patch(id, { data }));
      await report({ id, field: `f${n}`, mutationId });
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, lane) => write(lane)));
}
