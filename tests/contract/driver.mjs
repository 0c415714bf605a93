// One request a line in, one answer a line out with the request's number, said through npm's
// taskcluster-client. A request does not wait for those before it. See drivers.py, which starts it.
import readline from 'node:readline';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

const entry = path.join(process.env.TROUPE_NODE_MODULES, 'taskcluster-client', 'src', 'index.js');
const {default: taskcluster} = await import(pathToFileURL(entry));
const rootUrl = process.env.TROUPE_ROOT_URL;

// With a `reference`, of a class that the client makes from it.
const service = ({service: name, reference, credentials, authorizedScopes}) => {
  const Service = reference ? taskcluster.createClient(reference, name) : taskcluster[name];
  return new Service({
    rootUrl, credentials, retries: 0,
    ...(authorizedScopes ? {authorizedScopes} : {}),
  });
};

const handlers = {
  async call(request) {
    try {
      return {body: await service(request)[request.method](...request.args)};
    } catch (error) {
      if (!error.statusCode) throw error;
      return {status: error.statusCode, body: error.body};
    }
  },
  signedUrl(request) {
    const api = service(request);
    const options = {expiration: request.seconds};
    // A method with a query has its options behind the query.
    const query = api[request.method].entryReference.query.length ? [{}] : [];
    return {url: api.buildSignedUrl(api[request.method], ...request.args, ...query, options)};
  },
  temporary({credentials, scopes, name}) {
    const made = taskcluster.createTemporaryCredentials({
      credentials, scopes, ...(name ? {clientId: name} : {}),
      start: new Date(Date.now() - 60_000), expiry: new Date(Date.now() + 3_600_000),
    });
    return {credentials: made};
  },
  methods({service: name}) {
    const methods = Object.values(taskcluster[name].prototype).map(m => m.entryReference?.name);
    return {methods: methods.filter(Boolean)};
  },
};

async function answer(request) {
  try {
    return await handlers[request.what](request);
  } catch (error) {
    return {trouble: String(error.stack)};
  }
}

readline.createInterface({input: process.stdin}).on('line', async line => {
  const request = JSON.parse(line);
  const {number} = request;
  process.stdout.write(JSON.stringify({...await answer(request), number}) + '\n');
});
