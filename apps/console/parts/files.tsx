/** Files on their way to the webserver. */
import { useRef, useState } from "preact/hooks";
import { bytes } from "../lib/text.ts";
import { begin, forget, type Upload, uploads } from "../live/uploads.ts";
import { useValue } from "../live/use-value.ts";
import { Button } from "./button.tsx";

export function FilePicker() {
  const [over, setOver] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const take = (files: FileList | null | undefined) => {
    for (const file of files ?? []) begin(file);
  };
  return (
    <fieldset
      class={`drop ${over ? "over" : ""}`}
      aria-label="Upload"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <Button look="primary" icon="plus" onClick={() => picker.current?.click()}>
        Upload files
      </Button>
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        aria-label="Files to upload"
        onChange={({ currentTarget }) => {
          take(currentTarget.files);
          currentTarget.value = "";
        }}
      />
      <span class="quiet">or drop them here</span>
    </fieldset>
  );
}

export function Uploads() {
  const shown = useValue(uploads);
  if (shown.length === 0) return null;
  return (
    <ul class="card rows" aria-label="Uploads">
      {shown.map((upload) => (
        <li key={upload.key}>
          <div class="what stack tight">
            <strong>{upload.name}</strong>
            <Progress upload={upload} />
          </div>
          {upload.state === "running" || upload.state === "waiting" ? (
            <Button onClick={upload.stop}>
              Stop<span class="hidden"> the upload of {upload.name}</span>
            </Button>
          ) : (
            <Button look="plain" icon="close" bare onClick={() => forget(upload.key)}>
              Close the upload of {upload.name}
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

function Progress({ upload: { state, share, size, message, name, waits } }: { upload: Upload }) {
  if (state === "failed")
    return (
      <p class="small fault" role="alert">
        {message}
      </p>
    );
  if (state === "waiting") return <p class="small quiet">Waits for its turn</p>;
  const percent = Math.floor(share * 100);
  const where = waits ? "on this webserver until the datastore can be reached" : "on every webserver";
  const what = state === "done" ? `${bytes(size)}, ${where}` : share < 1 ? `${percent} % of ${bytes(size)}` : "Being stored …";
  return (
    <>
      <progress max={100} value={percent} aria-label={`Upload of ${name}`} />
      <p class="small quiet numbers">{what}</p>
    </>
  );
}
