/** What others changed while this was edited, and what is to be decided. */
import type { Doc } from "../../../schemas/document.ts";
import type { Choice, Edit, EditState } from "../edit/edit.ts";
import { type Clash, named, valueAt } from "../edit/three-way.ts";
import { counted, shownValue } from "../lib/text.ts";
import { me, nameOf, users } from "../live/session.ts";
import { useValue } from "../live/use-value.ts";
import { Banner } from "./banner.tsx";
import { Button } from "./button.tsx";
import { owns } from "./sharing.tsx";

export function Merge({
  edit,
  state,
  final,
}: {
  edit: Edit;
  state: EditState;
  /** What is deleted can't be made again: its number is never given to another one. */
  final?: boolean;
}) {
  const [people, self] = [useValue(users), useValue(me)];
  const { clashes, notice, mine, deleted } = state;
  if (deleted)
    return (
      <Banner
        kind="warn"
        title={
          mine && owns(mine, self) ? "Somebody has deleted this." : "Somebody has deleted this, or shares it with you no longer."
        }
        live
        actions={!final && <Button onClick={() => edit.makeAgain()}>Make it again, as you see it</Button>}
      >
        What you see is still here.
      </Banner>
    );
  if (!mine || (!notice && clashes.length === 0)) return null;
  const who = nameOf(notice?.by, people);
  const by = `${who.charAt(0).toUpperCase()}${who.slice(1)}`;
  const adopted = [...new Set(notice?.adopted ?? [])].map((path) => named(mine, path));
  if (clashes.length === 0)
    return (
      <Banner
        kind="good"
        title={`${by} changed ${adopted.length === 0 ? "the same thing" : adopted.join(", ")}.`}
        live
        actions={<Button onClick={() => edit.dismiss()}>Close</Button>}
      >
        {edit.changed ? "That is merged with your edit: nothing of yours was lost." : "You see the latest version."}
      </Banner>
    );
  return (
    <section class="card" aria-label="Merge" data-merge>
      <header>
        <div class="stack tight" role="alert">
          <h2>
            {by} and you both changed {clashes.length === 1 ? "the same field" : `the same ${clashes.length} fields`}
          </h2>
          <p class="quiet">
            Choose what counts; then save.
            {adopted.length > 0 &&
              ` ${counted(adopted.length, "other change")} of theirs did not touch yours, and ${adopted.length === 1 ? "is" : "are"} merged: ${adopted.join(", ")}.`}
          </p>
        </div>
        {clashes.length > 1 && (
          <div class="actions">
            <Button onClick={() => all(edit, clashes, "mine")}>Keep all of mine</Button>
            <Button onClick={() => all(edit, clashes, "theirs")}>Take all of theirs</Button>
          </div>
        )}
      </header>
      <div class="card-body stack">
        {clashes.map((clash) => (
          <One key={clash.path} clash={clash} mine={mine} onChoose={(choice) => edit.decide(clash, choice)} by={by} />
        ))}
      </div>
    </section>
  );
}

export function One({
  clash,
  mine,
  by,
  chosen,
  known = true,
  onChoose,
}: {
  clash: Clash;
  mine: Doc;
  by: string;
  chosen?: Choice | undefined;
  /** Whether what both were made from is known. */
  known?: boolean;
  onChoose: (choice: Choice) => void;
}) {
  const name = named(mine, clash.path);
  const sides = [
    ["mine", "Yours", valueAt(mine, clash.path), "Keep mine"],
    ["theirs", by === "You" ? "Your other change" : by, clash.theirs, "Take theirs"],
    ...(known ? ([["base", "Before both", clash.base, "Go back to this"]] as const) : []),
  ] as const;
  return (
    <div class="clash">
      <h3>{name}</h3>
      <div class="sides">
        {sides.map(([choice, title, value, action]) => (
          <div key={choice} class={`side-of ${chosen === choice ? "chosen" : ""}`}>
            <h4>{title}</h4>
            <pre>{shownValue(value)}</pre>
            <div>
              <Button
                look={choice === "base" ? "plain" : undefined}
                pressed={chosen && chosen === choice}
                onClick={() => onChoose(choice)}
              >
                {action}
                <span class="hidden"> of {name}</span>
              </Button>
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}

function all(edit: Edit, clashes: readonly Clash[], choice: Choice): void {
  for (const clash of clashes) edit.decide(clash, choice);
}
