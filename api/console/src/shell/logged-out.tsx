/** Stands over a page whose login has run out, and leaves the page as it is: what is typed there is not sent yet. */

import { Link, useLocation } from "@tanstack/react-router";
import { useStanding } from "../api/standing";
import { words } from "../words";

export function LoggedOut() {
  const { href } = useLocation();
  if (useStanding() !== "out") return null;
  return (
    <p role="alert" className="border-b border-line bg-tint px-5 py-2 text-sm">
      {words.login.ranOut}{" "}
      <Link to="/login" search={{ back: href }} target="_blank" className="text-accent underline">
        {words.login.again}
      </Link>
    </p>
  );
}
