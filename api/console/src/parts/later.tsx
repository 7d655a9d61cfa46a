/** Where a part stands that is loaded later: what is around it stays as it is, also where the part cannot be had. */

import { Component, type ReactNode, Suspense } from "react";
import { Trouble } from "./states";

interface Props {
  /** What stands there until it comes. */
  until?: ReactNode;
  /** What stands there instead, if it does not. */
  without?: (error: unknown) => ReactNode;
  children: ReactNode;
}

export class Later extends Component<Props, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    const { until, without = (wrong: unknown) => <Trouble error={wrong} />, children } = this.props;
    return error === null ? <Suspense fallback={until}>{children}</Suspense> : without(error);
  }
}
