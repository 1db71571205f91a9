import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Common {
  label: string;
  hint?: ComponentChildren;
  fault?: string | undefined;
  disabled?: boolean;
  class?: string;
}

interface TextProps extends Common {
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "password" | "search" | "email" | "datetime-local";
  autocomplete?: string;
  placeholder?: string;
  required?: boolean;
  autofocus?: boolean;
  maxLength?: number;
  code?: boolean;
}

/** A line of text with its label. */
export function Text({
  label,
  hint,
  fault,
  value,
  onInput,
  code,
  class: className,
  autofocus,
  type = "text",
  ...rest
}: TextProps) {
  const id = useId();
  return (
    <div class={`field ${className ?? ""}`}>
      <label for={id}>{label}</label>
      <input
        id={id}
        {...rest}
        type={type as "text"}
        dir="auto"
        ref={autofocus ? focus : undefined}
        class={code ? "code" : undefined}
        value={value}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
        {...described(id, hint, fault)}
      />
      <Notes id={id} hint={hint} fault={fault} />
    </div>
  );
}

interface AreaProps extends Common {
  value: string;
  onInput: (value: string) => void;
  rows?: number;
  code?: boolean;
}

export function Area({ label, hint, fault, value, onInput, rows = 3, code, disabled }: AreaProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={rows}
        dir={code ? undefined : "auto"}
        class={code ? "code" : undefined}
        spellcheck={!code}
        value={value}
        disabled={disabled}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
        {...described(id, hint, fault)}
      />
      <Notes id={id} hint={hint} fault={fault} />
    </div>
  );
}

interface ChoiceProps extends Common {
  value: string;
  onChange: (value: string) => void;
  options: readonly (readonly [value: string, text: string])[];
}

export function Choice({ label, hint, value, onChange, options, disabled, class: className }: ChoiceProps) {
  const id = useId();
  return (
    <div class={`field ${className ?? ""}`}>
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        onChange={({ currentTarget }) => onChange(currentTarget.value)}
        {...described(id, hint, undefined)}
      >
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
      <Notes id={id} hint={hint} fault={undefined} />
    </div>
  );
}

export function Check({
  label,
  checked,
  onChange,
  disabled,
}: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <div class="check">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      <label for={id}>{label}</label>
    </div>
  );
}

function Notes({ id, hint, fault }: { id: string; hint: ComponentChildren; fault: string | undefined }) {
  return (
    <>
      {hint && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {fault && (
        <span class="fault" id={`${id}-fault`} role="alert">
          {fault}
        </span>
      )}
    </>
  );
}

function described(id: string, hint: unknown, fault: string | undefined) {
  const by = [hint ? `${id}-hint` : "", fault ? `${id}-fault` : ""].filter(Boolean).join(" ");
  return { ...(by !== "" && { "aria-describedby": by }), ...(fault && { "aria-invalid": true as const }) };
}

const focus = (element: HTMLInputElement | null) => element?.focus();
