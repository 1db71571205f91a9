/** Sends whoever comes over HTTP to HTTPS. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { FrontsyncError } from "../../bus/index.ts";
import { refuse } from "./answers.ts";
import { checkRequest } from "./request.ts";
import { createServer, portOf } from "./server.ts";

const HTTPS_PORT = 443;

/** What it is called where it can't listen. */
export const REDIRECTION = "The redirection to HTTPS (`redirectPort`)";

/** Not listening yet. `secure`: the server that is sent to, which listens by then. */
export function createRedirector(secure: Server): Server {
  return createServer({
    serve: (request, response) => {
      try {
        redirect(request, response, portOf(secure));
      } catch (error) {
        refuse(request, response, error);
      }
    },
  });
}

function redirect(request: IncomingMessage, response: ServerResponse, port: number): void {
  checkRequest(request);
  const { headers, url = "/" } = request;
  // Whoever came over HTTPS already would come back for ever.
  if (String(headers["x-forwarded-proto"] ?? "").startsWith("https")) {
    const text = "A proxy in front takes HTTPS off and comes to the port that sends users to HTTPS: let it go to the HTTPS port.";
    throw new FrontsyncError("LOOP_DETECTED", text);
  }
  if (headers.host === undefined) throw new FrontsyncError("BAD_MESSAGE", "There is no Host: come over HTTPS.");
  const host = headers.host.replace(/:\d+$/, "");
  const location = `https://${host}${port === HTTPS_PORT ? "" : `:${port}`}${url}`;
  response.writeHead(308, { location, "content-length": 0, connection: "close" }).end();
  request.resume();
}
