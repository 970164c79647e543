import type { ReplicaCore } from '../replica-core.ts'
import type { Session } from '../session.ts'

/** What `authorize` is asked for when another server dials: who is of the same cluster, and may vote in it, is answered `admin`. */
export const clusterDocument = '@cluster'

/** How long until it is asked again when it could not be told. */
const againMs = 2000

/** What was asked of each connection, once for all who want to know: those who wait, or whether it was granted. */
const asked = new WeakMap<Session, (() => void)[] | boolean>()

/**
 * Calls `admit` where the other side is what it says to be: who dials a server and says to be another one shows by its token that
 * it is of the same cluster. Whom this replica dialled was chosen, and clients say nothing of the kind.
 */
export function whenTrusted(core: ReplicaCore, session: Session, admit: () => void): void {
  const isDoubtful = session.peer?.role === 'server' && !session.isInitiator && core.authorize !== undefined
  const known = isDoubtful ? asked.get(session) : true
  if (known === true) admit()
  else if (known !== undefined && known !== false) known.push(admit)
  else if (known === undefined) {
    const waiting = [admit]
    asked.set(session, waiting)
    ask(core, session, waiting)
  }
}

function ask(core: ReplicaCore, session: Session, waiting: readonly (() => void)[]): void {
  core.ask(session, clusterDocument).then(
    (given) => {
      asked.set(session, given === 'admin')
      if (given === 'admin') for (const admit of waiting) core.batch(admit)
      else core.log('warn', 'not-of-the-cluster', { peer: session.peerName, remote: session.remote })
    },
    (error: unknown) => {
      core.log('error', 'authorize-failed', { document: clusterDocument, error: String(error) })
      core.timers.set(againMs, () => {
        if (session.phase === 'established') ask(core, session, waiting)
      })
    },
  )
}
