/** A value as a component shows it. */
import { useEffect, useState } from "preact/hooks";
import type { Value } from "./value.ts";

export function useValue<T>(value: Value<T>): T {
  const [shown, show] = useState({ value: value.now });
  useEffect(() => {
    show({ value: value.now });
    return value.on((next) => show({ value: next }));
  }, [value]);
  return shown.value;
}
