import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { words } from "../lib/errors.ts";
import { Icon, type IconName } from "./icon.tsx";
import { toast } from "./toast.tsx";

interface Look {
  look?: "primary" | "danger" | "plain" | "plain danger";
  icon?: IconName;
  /** Only its icon is seen. */
  bare?: boolean;
}

interface ButtonProps extends Look {
  children: ComponentChildren;
  type?: "button" | "submit";
  disabled?: boolean;
  title?: string;
  expanded?: boolean;
  pressed?: boolean | undefined;
  /** What it throws is shown as a message. While it runs the button can't be pressed again. */
  onClick?: () => unknown;
}

export function Button({
  children,
  look,
  icon,
  bare,
  type = "button",
  disabled,
  title,
  expanded,
  pressed,
  onClick,
}: ButtonProps) {
  const [busy, setBusy] = useState(false);
  const press = async () => {
    if (!onClick) return;
    setBusy(true);
    try {
      await onClick();
    } catch (error) {
      toast(words(error), "bad");
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type={type}
      class={classOf({ look, bare })}
      disabled={disabled || busy}
      title={title}
      aria-expanded={expanded}
      aria-pressed={pressed}
      onClick={() => void press()}
    >
      {icon && <Icon name={icon} />}
      {bare ? <span class="hidden">{children}</span> : children}
    </button>
  );
}

export function LinkButton({
  children,
  look,
  icon,
  href,
  download,
}: Look & { children: ComponentChildren; href: string; download?: boolean }) {
  return (
    <a class={classOf({ look })} href={href} download={download}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}

const classOf = ({ look, bare }: { look?: string | undefined; bare?: boolean | undefined }) =>
  `button ${look ?? ""} ${bare ? "icon" : ""}`.trim();
