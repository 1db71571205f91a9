import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api/client.ts";
import { asApiError, words } from "../lib/errors.ts";
import { ErrorBanner } from "./banner.tsx";
import { Button } from "./button.tsx";
import { toast } from "./toast.tsx";

/** The browser's own dialog: it keeps the focus, and Escape closes it. */
export function Dialog({
  title,
  onClose,
  wide,
  children,
}: {
  title: string;
  onClose: () => void;
  wide?: boolean;
  children: ComponentChildren;
}) {
  const place = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = place.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={place} class={wide ? "wide" : ""} aria-labelledby={id} onClose={onClose}>
      <div class="dialog-body">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

/** A dialog with something to fill in, or to say yes to. It closes when `onSubmit` has succeeded. */
export function FormDialog({
  title,
  submit,
  danger,
  disabled,
  wide,
  onClose,
  onSubmit,
  children,
}: {
  title: string;
  submit: string;
  danger?: boolean;
  disabled?: boolean;
  wide?: boolean;
  onClose: () => void;
  onSubmit: () => Promise<unknown>;
  children?: ComponentChildren;
}) {
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const gone = useRef(false);
  useEffect(
    () => () => {
      gone.current = true;
    },
    [],
  );
  const send = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await onSubmit();
      if (!gone.current) onClose();
    } catch (thrown) {
      // Closed meanwhile, it can't say so itself.
      if (gone.current) toast(words(thrown), "bad");
      setError(asApiError(thrown));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} {...(wide && { wide })}>
      <form class="stack" onSubmit={(event) => void send(event)}>
        {children}
        <ErrorBanner error={error} />
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look={danger ? "danger" : "primary"} disabled={busy || disabled === true}>
            {submit}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
