import { useState } from "preact/hooks";
import { Check, Text } from "./field.tsx";

/** Longer lists can be searched. */
const LONG = 8;

/** Some of many. */
export function Picker({
  label,
  options,
  chosen,
  onChange,
}: {
  label: string;
  options: readonly (readonly [id: number, text: string])[];
  chosen: readonly number[];
  onChange: (chosen: number[]) => void;
}) {
  const [words, setWords] = useState("");
  if (options.length === 0) return null;
  const shown = options.filter(([, text]) => text.toLowerCase().includes(words.trim().toLowerCase()));
  return (
    <fieldset class="stack tight">
      <legend>{label}</legend>
      {options.length > LONG && <Text label={`Find in ${label.toLowerCase()}`} type="search" value={words} onInput={setWords} />}
      <div class="picker">
        {shown.map(([id, text]) => (
          <Check
            key={id}
            label={text}
            checked={chosen.includes(id)}
            onChange={(checked) => onChange(checked ? [...chosen, id] : chosen.filter((one) => one !== id))}
          />
        ))}
        {shown.length === 0 && <p class="quiet small">Nobody of that name.</p>}
      </div>
    </fieldset>
  );
}
