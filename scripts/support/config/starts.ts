/** Whether a command would start with its settings: what it would refuse is refused here, before anything runs. */
import { checkListening } from "../../../apps/http/options.ts";
import { checkCertificate } from "../../../functions/supervise/certificate.ts";
import { loadSchemas } from "../../../schemas/index.ts";
import { optionsOf as balancerOptionsOf } from "../loadbalancer/options.ts";
import { checkExposure } from "./exposure.ts";
import type { Settings } from "./index.ts";
import type { User } from "./keys/index.ts";
import { externalAddrOf, listeningOf } from "./listening.ts";
import { datastoreOf } from "./target.ts";

/** Throws the BAD_CONFIG that it would end with. */
export function mustStart(user: User, settings: Settings): void {
  STARTS[user](settings);
}

const STARTS: Readonly<Record<User, (settings: Settings) => void>> = {
  datastore(settings) {
    const { keyFile, certificateFile, datastoreNats, schemaFolder } = settings;
    checkExposure(settings);
    loadSchemas(schemaFolder);
    if (keyFile !== undefined && certificateFile !== undefined && !settings.datastoreInsecureDisableTls)
      checkCertificate({ keyFile, certificateFile });
    if (datastoreNats !== undefined) datastoreOf({ ...settings, datastore: [datastoreNats] });
  },
  webserver(settings) {
    datastoreOf(settings);
    externalAddrOf(settings);
    checkListening(listeningOf(settings));
    loadSchemas(settings.schemaFolder);
  },
  loadbalancer(settings) {
    checkListening(balancerOptionsOf(settings));
  },
  client(settings) {
    datastoreOf(settings);
  },
};
