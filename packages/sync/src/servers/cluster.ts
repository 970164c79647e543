import type { ReplicaCore } from '../replica-core.ts'
import type { Session } from '../session.ts'

/** What `authorize` is asked for when another server dials: who is of the same cluster, and may vote in it, is answered `admin`. */
export const clusterDocument = '@cluster'

/** How long until it is asked again when it could not be told. */
const againMs = 2000

/**
 * Calls `admit` where the other side is what it says to be: who dials a server and says to be another one shows by its token that
 * it is of the same cluster. Whom this replica dialled was chosen, and clients say nothing of the kind.
 */
export function whenTrusted(core: ReplicaCore, session: Session, admit: () => void): void {
  const isDoubtful = session.peer?.role === 'server' && !session.isInitiator && core.authorize !== undefined
  if (!isDoubtful) {
    admit()
    return
  }
  core.ask(session, clusterDocument).then(
    (given) => {
      if (given === 'admin') core.batch(admit)
      else core.log('warn', 'not-of-the-cluster', { peer: session.peerName, remote: session.remote })
    },
    (error: unknown) => {
      core.log('error', 'authorize-failed', { document: clusterDocument, error: String(error) })
      core.timers.set(againMs, () => {
        if (session.phase === 'established') core.batch(() => whenTrusted(core, session, admit))
      })
    },
  )
}
