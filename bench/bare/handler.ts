/** The bare pipeline's handler process: JSON.parse, ajv, one conditional publish, the reply. What any program that keeps documents in
 *  JetStream must do, and nothing else. */
import { connect, type JetStreamClient, JSONCodec, type Msg } from "nats";
import { serve } from "../process/jobs.ts";
import { PUT, QUEUE, stored } from "./subjects.ts";
import { dashboardValidator } from "./validate.ts";

const validate = dashboardValidator();
const json = JSONCodec();

const jobs = {
  async open({ address }: { address: string }): Promise<void> {
    const connection = await connect({ servers: address });
    const stream = connection.jetstream();
    connection.subscribe(PUT, {
      queue: QUEUE,
      callback: (error, request) => {
        if (error) throw error;
        void put(stream, request);
      },
    });
    await connection.flush();
  },
};

async function put(stream: JetStreamClient, request: Msg): Promise<void> {
  try {
    const doc = request.json<{ id: string }>();
    if (!validate(doc)) throw new Error("refused by the schema");
    // The documents of the bench are new ones: a subject without a message is at 0.
    const { seq } = await stream.publish(stored(doc.id), request.data, { expect: { lastSubjectSequence: 0 } });
    request.respond(json.encode({ revision: seq }));
  } catch (error) {
    request.respond(json.encode({ error: String(error) }));
  }
}

export type HandlerJobs = typeof jobs;

serve(jobs);
