/** One handler: connects to NATS, follows the store, serves the functions. Any number of them share the work. */

import { log } from "../../bus/platform/log.ts";
import { randomId } from "../../bus/platform/random.ts";
import { Connection } from "../../bus/wire/nats.ts";
import { inboxPrefix } from "../../bus/wire/subjects.ts";
import type { TlsOptions } from "../../bus/wire/tls.ts";
import { loadSchemas } from "../../schemas/index.ts";
import { RESOURCES } from "../../schemas/resource.ts";
import type { Warning } from "../../schemas/types.ts";
import { defaultPasswordWarning, makeFirstUser } from "../accounts/first-user.ts";
import { Committer } from "../commit/committer.ts";
import { ConflictCopies } from "../commit/conflict-copies.ts";
import { CopyRoom } from "../commit/copy-room.ts";
import type { RuleSettings } from "../rules/define.ts";
import { loadRules } from "../rules/index.ts";
import { Seeding } from "../seed/seeding.ts";
import { Audit } from "../store/audit.ts";
import type { TombstoneLimits } from "../store/collectable.ts";
import { Collector } from "../store/collector.ts";
import { Contents, type ContentsOptions } from "../store/contents.ts";
import { Epochs } from "../store/epochs.ts";
import { Follower } from "../store/follower.ts";
import { type FuseOptions, Fuses } from "../store/fuses.ts";
import { KnownWebservers } from "../store/known.ts";
import { Presence } from "../store/presence.ts";
import { Restoring } from "../store/restoring.ts";
import { Tombstones } from "../store/tombstones.ts";
import { Views } from "../store/views.ts";
import { serveAuth } from "./auth.ts";
import type { Context } from "./define.ts";
import { loadFunctions } from "./load.ts";
import { type Observed, serveFunctions } from "./serve.ts";

export interface HandlerConfig {
  server: string;
  user: string;
  password: string;
  tls?: TlsOptions | undefined;
  /** See bus/platform/log.ts; default FRONTSYNC_LOG. */
  logLevel?: string | undefined;
  /** Hex; signs versions. */
  signingKey: string;
  schemas: readonly string[];
  contents: ContentsOptions;
  tombstones: TombstoneLimits;
  /** Of the collections that declare none. */
  deletionFuse: FuseOptions;
  rules: RuleSettings;
  /** undefined: a NATS that we did not configure, and whose sync setting can't be seen. */
  sync: "always" | "default" | undefined;
  /** For the embedded server, which asks us whom to let in. */
  auth?: { user: string; password: string; issuerSeed: string; controlAuth: string };
}

export interface Handler {
  readonly generation: string;
  /** Answers what has arrived, takes nothing new, and disconnects. */
  drain(): Promise<void>;
}

/** Resolves when this handler answers requests. Throws BAD_CONFIG. */
export async function startHandler(config: HandlerConfig): Promise<Handler> {
  const [schemas, functions, rules] = [loadSchemas(config.schemas), await loadFunctions(), await loadRules(config.rules)];
  const observed: Observed = { oneAccount: false };
  let draining = false;
  const name = `handler-${randomId()}`;
  const options = {
    servers: [config.server],
    user: config.user,
    password: config.password,
    inboxPrefix: inboxPrefix(name),
    name,
    tls: config.tls,
  };
  const connection: Connection = new Connection(options, (event, detail) => {
    if (event === "disconnected") {
      epochs.disconnected();
      follower.disconnected();
      views.forget();
      contents.disconnected();
      restoring.disconnected();
      fuses.disconnected();
      seeding.disconnected();
    }
    if (event === "connected") connected();
    else if (!draining) log.warn({ event, detail }, "the handler's connection");
  });
  const epochs = new Epochs(connection, schemas);
  const audit = new Audit(connection, name);
  const follower = new Follower(connection, schemas, (version) => audit.note(version));
  const presence = new Presence(connection, schemas);
  const known = new KnownWebservers(connection, schemas, config.tombstones);
  const views = new Views(connection, schemas, follower);
  const restoring = new Restoring(connection, schemas);
  const fuses = new Fuses(connection, schemas, config.deletionFuse);
  const contents = new Contents(connection, config.contents);
  const signingKey = Buffer.from(config.signingKey, "hex");
  const copyRoom = new CopyRoom(connection);
  const copies = new ConflictCopies(connection, schemas.collection("conflicts"), copyRoom);
  const seeding = new Seeding(connection, schemas, signingKey, config.tombstones.awayMs);
  const committer = new Committer({ connection, epochs, follower, views, rules, copies, restoring, seeding, signingKey });
  const context: Context = {
    connection,
    schemas,
    epochs,
    follower,
    presence,
    known,
    restoring,
    fuses,
    committer,
    views,
    contents,
    seeding,
    rules,
    warnings: async () => [
      ...warningsOf(config, epochs, connection, observed),
      ...(await restoring.warnings()),
      ...fuses.warnings(),
      ...(await seeding.warnings()),
      ...(await defaultPasswordWarning(views)),
      ...(await copyRoom.warning()),
    ],
  };
  function connected() {
    void presence.connected();
    void audit.connected();
    void known.connected();
    void epochs.connected().then(() => {
      if (!epochs.atomicBatches || config.sync === "default") committer.group.disableBatches();
      follower.connected();
      void fuses.connected();
    });
  }

  let authentication: Connection | undefined;
  if (config.auth) {
    const { user, password, issuerSeed, controlAuth } = config.auth;
    authentication = new Connection({ ...options, user, password });
    await authentication.open();
    serveAuth(authentication, issuerSeed, controlAuth);
  }
  epochs.start();
  follower.start();
  presence.start();
  restoring.start();
  fuses.start();
  seeding.start();
  await connection.open();
  await epochs.ready();
  await makeFirstUser(context);
  const collector = new Collector(connection, schemas.collection(RESOURCES), contents, () => restoring.underway());
  void collector.start();
  const tombstones = new Tombstones(connection, schemas, known, config.tombstones, () => seeding.takesOffers());
  void tombstones.start();
  const served = await serveFunctions(connection, functions, context, observed);
  await connection.flush();
  return {
    get generation() {
      return epochs.generation;
    },
    async drain() {
      draining = true;
      follower.stop();
      collector.stop();
      tombstones.stop();
      await served.settled();
      await audit.drain();
      await connection.drain();
      await authentication?.close();
    },
  };
}

function warningsOf(config: HandlerConfig, epochs: Epochs, connection: Connection, observed: Observed): Warning[] {
  const warnings: Warning[] = [];
  const warn = (code: string, message: string) => warnings.push({ code, message });
  if (config.sync === "default") {
    warn(
      "NOT_DURABLE",
      "The store acknowledges before it is on disk: a power cut can lose the last two minutes. Use sync: always.",
    );
  } else if (config.sync === undefined) {
    warn(
      "SYNC_UNKNOWN",
      "Whether this NATS writes to disk before it acknowledges can't be seen. Set `sync_interval: always` in its jetstream block.",
    );
  }
  if (!epochs.atomicBatches) {
    const { version } = connection.info;
    warn(
      "NATS_TOO_OLD",
      `nats-server ${version} is older than 2.12: no group commit, and rules over several documents are not guarded.`,
    );
  }
  if (observed.oneAccount) {
    warn(
      "ONE_ACCOUNT",
      "Webservers and functions share one NATS account: a webserver could write the store directly. Use two, see docs/operations.md.",
    );
  }
  return warnings;
}
