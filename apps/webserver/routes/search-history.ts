/** The search history. Its entries are written where searches run. */
import { describe, reference } from "../openapi.ts";
import type { Area } from "../parts.ts";
import { scopeOf, sessionOf } from "../sessions/authenticate.ts";
import { page, pageOf, queryParameters } from "./documents.ts";
import { queryOf } from "./requests.ts";

const TAG = "searchhistory";
const PATH = "/api/searchhistory";

export const searchHistoryRoutes: Area = (app, { bus, schemas }) => {
  const schema = schemas.collection("searches");
  app.get(
    PATH,
    {
      schema: describe(TAG, "searchHistory", "Own entries, the latest first; of another `uid`, what may be seen.", {
        query: queryParameters(schema),
        reply: page(schema.title),
      }),
    },
    async (request) => {
      const query = queryOf(schema, request);
      const where = { uid: sessionOf(request).uid, ...query.where };
      return pageOf(
        await scopeOf(bus, request)
          .collection("searches")
          .list({ sort: "-launched", ...query, where }),
      );
    },
  );
  app.delete(
    PATH,
    { schema: describe(TAG, "clearSearchHistory", "Clears one's own, everywhere.", { reply: reference("Written") }) },
    async (request) => {
      const { uid } = sessionOf(request);
      const { revision } = await bus.call("searches.clear", { uid }, { by: uid });
      return { id: String(uid), revision };
    },
  );
};
