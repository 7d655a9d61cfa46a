import type { ComponentProps } from "react";

const LOOKS = {
  main: "bg-accent text-on-accent hover:opacity-90",
  quiet: "text-soft hover:bg-sunken hover:text-ink",
  plain: "border border-line bg-raised hover:bg-sunken",
  bad: "border border-line bg-raised text-bad hover:bg-sunken",
};

interface Props extends ComponentProps<"button"> {
  look?: keyof typeof LOOKS;
}

export function Button({ look = "plain", className = "", type = "button", ...rest }: Props) {
  const shape = "inline-flex items-center justify-center gap-2 rounded-[0.625rem] px-3 py-1.5 text-sm font-medium";
  const state = "transition-colors disabled:cursor-default disabled:opacity-50";
  return <button type={type} className={`${shape} ${state} ${LOOKS[look]} ${className}`} {...rest} />;
}
