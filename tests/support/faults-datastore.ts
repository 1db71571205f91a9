// A datastore in a process of its own, told where by its parent over IPC: for tests that kill all of it at
// once. It stops when its parent disconnects.
import { type DatastoreOptions, startDatastore } from "../../functions/datastore.ts";

process.once("message", (options: DatastoreOptions) => {
  startDatastore(options).then(
    (datastore) => {
      process.once("disconnect", () => void datastore.stop());
      process.send?.({ address: datastore.address });
    },
    (error: unknown) => process.send?.({ failed: String(error) }, () => process.exit(1)),
  );
});
