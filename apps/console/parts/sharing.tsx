/** With whom a document is shared: who reads it, and who may change it. */
import { useState } from "preact/hooks";
import type { Audience } from "../../../schemas/types.ts";
import { groups, me, users } from "../live/session.ts";
import { useValue } from "../live/use-value.ts";
import { Badge } from "./badge.tsx";
import { FormDialog } from "./dialog.tsx";
import { Check } from "./field.tsx";
import { Picker } from "./picker.tsx";

export interface Shared {
  ownerId?: number;
  readers?: Audience;
  writers?: Audience;
}

export function SharingDialog({
  doc,
  onClose,
  onSave,
  readersOnly,
}: {
  doc: Shared;
  onClose: () => void;
  onSave: (sharing: { readers: Audience; writers?: Audience }) => Promise<unknown>;
  readersOnly?: boolean;
}) {
  const [readers, setReaders] = useState<Audience>(doc.readers ?? {});
  const [writers, setWriters] = useState<Audience>(doc.writers ?? {});
  const sides = [
    ["Can see it", readers, setReaders],
    ...(readersOnly ? [] : ([["Can also change it", writers, setWriters]] as const)),
  ] as const;
  return (
    <FormDialog
      title="Share"
      submit="Save sharing"
      wide
      onClose={onClose}
      onSubmit={() => onSave({ readers, ...(!readersOnly && { writers }) })}
    >
      <div class="columns">
        {sides.map(([title, audience, set]) => (
          <Side key={title} title={title} owner={doc.ownerId} audience={audience} onChange={set} />
        ))}
      </div>
    </FormDialog>
  );
}

function Side({
  title,
  owner,
  audience,
  onChange,
}: {
  title: string;
  owner: number | undefined;
  audience: Audience;
  onChange: (audience: Audience) => void;
}) {
  const [people, teams, self] = [useValue(users), useValue(groups), useValue(me)];
  const others = people.filter(({ uid }) => uid !== owner).map(({ uid, name, user }) => [uid, name || user] as const);
  return (
    <section class="stack" aria-label={title}>
      <h3>{title}</h3>
      {(self?.admin || audience.global) && (
        <Check
          label="Everyone"
          checked={audience.global === true}
          disabled={!self?.admin && !audience.global}
          onChange={(global) => onChange({ ...audience, global })}
        />
      )}
      <Picker
        label="Groups"
        options={teams.map(({ gid, name }) => [gid, name] as const)}
        chosen={audience.groups ?? []}
        onChange={(chosen) => onChange({ ...audience, groups: chosen })}
      />
      <Picker
        label="People"
        options={others}
        chosen={audience.users ?? []}
        onChange={(chosen) => onChange({ ...audience, users: chosen })}
      />
    </section>
  );
}

/** What somebody has made of an audience, done to what it is by now: only who was chosen comes and goes, whoever else is put in meanwhile. */
export function withChoices(before: Audience = {}, chosen: Audience = {}, now: Audience = {}): Audience {
  const merged = (kind: "users" | "groups") => {
    const [had, has, is] = [before[kind] ?? [], chosen[kind] ?? [], now[kind] ?? []];
    const come = has.filter((id) => !had.includes(id) && !is.includes(id));
    return [...is.filter((id) => has.includes(id) || !had.includes(id)), ...come];
  };
  const global = (before.global === true) === (chosen.global === true) ? now.global : chosen.global;
  return { ...now, users: merged("users"), groups: merged("groups"), ...(global !== undefined && { global }) };
}

/** In a word: private, 2 groups, everyone. */
export function SharedWith({ doc }: { doc: Shared }) {
  const audiences = [doc.readers, doc.writers];
  if (audiences.some((audience) => audience?.global)) return <Badge tone="accent">Everyone</Badge>;
  const [teams, people] = (["groups", "users"] as const).map(
    (kind) => new Set(audiences.flatMap((audience) => audience?.[kind] ?? [])).size,
  ) as [number, number];
  if (teams + people === 0) return <Badge>Private</Badge>;
  const parts = [
    teams > 0 && (teams === 1 ? "1 group" : `${teams} groups`),
    people > 0 && (people === 1 ? "1 person" : `${people} people`),
  ];
  return <Badge tone="accent">{parts.filter(Boolean).join(", ")}</Badge>;
}

type Self = { uid: number; admin?: boolean; groups?: number[] } | null | undefined;

/** Whether somebody may do with a document what its owner may. */
export function owns(doc: Shared, self: Self): boolean {
  return self != null && (self.admin === true || doc.ownerId === self.uid);
}

/** Whether somebody may change a document that they see. */
export function mayWrite(doc: Shared, self: Self): boolean {
  if (!self) return false;
  const { writers } = doc;
  return (
    owns(doc, self) ||
    writers?.global === true ||
    writers?.users?.includes(self.uid) === true ||
    (writers?.groups ?? []).some((gid) => self.groups?.includes(gid))
  );
}
