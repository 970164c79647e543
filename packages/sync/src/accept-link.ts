import type { Link, LinkClosed, LinkEvents, LinkInfo, ListenHost } from './seams.ts'

/**
 * Announces a link that appeared by itself. `start` makes the link and keeps the events; it must not call them before
 * it returns. The host may close the link while it looks at it: its `closed` then follows as soon as the host answered.
 */
export function acceptLink(host: ListenHost, info: LinkInfo, start: (events: LinkEvents) => Link): Link {
  let accepted: LinkEvents | undefined
  let closedEarly: LinkClosed | undefined
  const link = start({
    opened: () => accepted?.opened(),
    frame: (bytes) => accepted?.frame(bytes),
    closed: (reason) => {
      if (accepted === undefined) closedEarly = reason
      else accepted.closed(reason)
    },
  })
  accepted = host.accept(link, info)
  if (closedEarly !== undefined) accepted.closed(closedEarly)
  return link
}
