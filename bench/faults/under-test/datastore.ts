// A datastore in a process of its own: nats-server and the handlers are its children. The driver is told who they are. It ends when the
// driver does.
import { startDatastore } from "../../../functions/datastore.ts";
import type { DatastoreOrder, FromDatastore } from "../messages.ts";

const TELL_MS = 50;

const say = (message: FromDatastore) => process.connected && process.send?.(message);

process.once("message", (order: DatastoreOrder) => {
  // What the workload deletes, it means to delete.
  startDatastore({ ...order, deletionFuse: false }).then(
    (datastore) => {
      process.once("disconnect", () => void datastore.stop().finally(() => process.exit(0)));
      const pids = () => ({ ...datastore.pids, clock: Date.now() });
      say({ type: "open", address: datastore.address, pids: pids() });
      setInterval(() => say({ type: "pids", pids: pids() }), TELL_MS);
    },
    (error: unknown) => {
      say({ type: "failed", message: String(error) });
      setTimeout(() => process.exit(1), 100);
    },
  );
});
