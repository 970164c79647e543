// A sync server with its own idea of who may do what: a token signed with a secret that only your backend knows.
//
//   SECRET=change-me node server.mjs            serves ws://127.0.0.1:4000/sync
//   SECRET=change-me node server.mjs token ada  prints a token for ada, good for an hour
//
// A token is `claims.signature`, both base64url: who it is for, until when, and what it opens.
// A client hands it over in hello: webSocket(url, { token: () => fetchTokenFromMyBackend() }).
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from '@rejoin/server'

const secret = process.env.SECRET
if (secret === undefined || secret.length < 8) {
  console.error('set SECRET to at least 8 characters')
  process.exit(2)
}

const sign = (text) => createHmac('sha256', secret).update(text).digest()

/** What your backend would do after a login. */
function createToken(user, documents) {
  const claims = { user, documents, expiresAt: Date.now() + 3_600_000 }
  const body = Buffer.from(JSON.stringify(claims)).toString('base64url')
  return `${body}.${sign(body).toString('base64url')}`
}

/** The claims of a token that we signed and that is still good, else undefined. */
function verifyToken(token) {
  const [body, signature] = (token ?? '').split('.')
  if (!body || !signature) return undefined
  const theirs = Buffer.from(signature, 'base64url')
  const ours = sign(body)
  if (theirs.length !== ours.length || !timingSafeEqual(theirs, ours)) return undefined
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  return claims.expiresAt > Date.now() ? claims : undefined
}

/** Everybody may read the lobby; the rest is as the token says, such as { 'raid-42': 'write' }. */
function authorize({ token, document }) {
  const documents = verifyToken(token)?.documents ?? {}
  if (Object.hasOwn(documents, document)) return documents[document]
  return document === 'lobby' ? 'read' : 'no'
}

if (process.argv[2] === 'token') {
  console.log(createToken(process.argv[3] ?? 'ada', { lobby: 'write', 'raid-42': 'write' }))
} else {
  const server = createServer({
    dataDir: process.env.DATA_DIR ?? './rejoin-data',
    port: Number(process.env.PORT ?? 4000),
    authorize,
  })
  const { syncUrl } = await server.listen()
  console.log(`clients connect to ${syncUrl}`)
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => server.close())
}
