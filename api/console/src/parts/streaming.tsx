import { Streamdown } from "streamdown";
import { words } from "../words";

/** Pictures from elsewhere would tell others that somebody reads this: their address is shown instead. */
const components = {
  img: ({ alt, src }: { alt?: string | undefined; src?: unknown }) => (
    <span className="text-soft">{`[${alt || words.chat.picture}: ${typeof src === "string" ? src : ""}]`}</span>
  ),
};

/** A link is one, with its address where browsers show it; its scheme has been looked at before. */
const AS_THEY_ARE = { enabled: false };

export default function Streaming({ text, isOpen }: { text: string; isOpen: boolean }) {
  return (
    <Streamdown
      isAnimating={isOpen}
      parseIncompleteMarkdown={isOpen}
      controls={false}
      components={components}
      linkSafety={AS_THEY_ARE}
    >
      {text}
    </Streamdown>
  );
}
