/** The client process of our side. */
import { serveClient } from "../client.ts";
import { openFrontsyncPipeline } from "./pipeline.ts";

serveClient(openFrontsyncPipeline);
