/** The console: a page that each webserver serves, and that asks nothing but that webserver. */
import { render } from "preact";
import { App } from "./app.tsx";
import { followPrefs } from "./live/prefs.ts";
import { begin } from "./live/session.ts";

const place = document.getElementById("app");
if (place) render(<App />, place);
followPrefs();
void begin();
