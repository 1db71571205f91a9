/** Save or revert, and why it can't be saved now. */
import type { Edit, EditState } from "../edit/edit.ts";
import { ErrorBanner } from "./banner.tsx";
import { Button } from "./button.tsx";
import { useStateName } from "./notices.tsx";
import { toast } from "./toast.tsx";

export function SaveBar({
  edit,
  state,
  changed,
  onSaved,
}: {
  edit: Edit;
  state: EditState;
  changed: boolean;
  onSaved?: () => void;
}) {
  const webserver = useStateName();
  const save = async () => {
    const saved = await edit.save();
    if (saved === "not") return;
    if (saved === "stored") toast("Saved, on every webserver.");
    else toast("Saved on this webserver. It goes to the others when the datastore can be reached again.", "warn");
    onSaved?.();
  };
  const why = reason(state, changed, webserver === "held");
  return (
    <div class="stack tight save-bar">
      <ErrorBanner error={state.error} />
      <div class="actions">
        <Button look="primary" type="submit" disabled={why !== undefined || state.saving} onClick={save}>
          {state.saving ? "Saving …" : "Save"}
        </Button>
        <Button look="plain" disabled={!changed} onClick={() => edit.revert()}>
          Undo my changes
        </Button>
        <span class="quiet small" role="status">
          {why}
        </span>
      </div>
    </div>
  );
}

function reason({ clashes, deleted }: EditState, changed: boolean, held: boolean): string | undefined {
  if (deleted) return "It is not there any more.";
  if (held) return "This webserver is on hold: nothing can be saved now.";
  if (clashes.length > 0) return "Choose above which changes count.";
  return changed ? undefined : "Nothing to save.";
}
