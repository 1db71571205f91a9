/** Values that are typed as text, such as lists and JSON. The text stays as it is typed as long as it means the value. */
import { useState } from "preact/hooks";
import { isDeepStrictEqual as equal } from "../lib/util.ts";
import { Area, Text } from "./field.tsx";

function useTyped<T>(value: T, format: (value: T) => string, parse: (text: string) => { value: T } | undefined) {
  const [typed, setTyped] = useState(() => format(value));
  const meant = parse(typed);
  const text = meant === undefined || equal(meant.value, value) ? typed : format(value);
  return { text, valid: parse(text) !== undefined, setTyped };
}

const asList = (text: string) => ({
  value: [
    ...new Set(
      text
        .split(",")
        .map((one) => one.trim())
        .filter(Boolean),
    ),
  ],
});
const listed = (value: string[]) => value.join(", ");

export function Labels({
  value,
  onChange,
  disabled,
}: {
  value: string[];
  onChange: (value: string[]) => void;
  disabled?: boolean;
}) {
  const { text, setTyped } = useTyped(value, listed, asList);
  return (
    <Text
      label="Labels"
      hint="Separated by commas"
      value={text}
      disabled={disabled}
      onInput={(next) => {
        setTyped(next);
        onChange(asList(next).value);
      }}
    />
  );
}

const asJson = (text: string): { value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
};
const indented = (value: unknown) => JSON.stringify(value ?? null, undefined, 2);

export function Json({
  label,
  value,
  onChange,
  disabled,
  rows = 14,
}: {
  label: string;
  value: unknown;
  onChange: (value: unknown) => void;
  disabled?: boolean;
  rows?: number;
}) {
  const { text, valid, setTyped } = useTyped(value ?? null, indented, asJson);
  return (
    <Area
      label={label}
      code
      rows={rows}
      value={text}
      disabled={disabled}
      fault={valid ? undefined : "This is not JSON yet; the last valid version counts."}
      onInput={(next) => {
        setTyped(next);
        const meant = asJson(next);
        if (meant) onChange(meant.value);
      }}
    />
  );
}
