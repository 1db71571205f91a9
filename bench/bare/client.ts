/** The client process of the bare side. */
import { serveClient } from "../client.ts";
import { openBarePipeline } from "./pipeline.ts";

serveClient(openBarePipeline);
