// The page around GraphiQL: who asks (the audience), what is asked (kept in the address), and where it is sent.
(function () {
  "use strict";

  const place = document.getElementById("graphiql");
  const config = JSON.parse(place.dataset.config);
  const h = React.createElement;
  const address = new URLSearchParams(location.search);

  function remember(name, value) {
    if (value) address.set(name, value);
    else address.delete(name);
    history.replaceState(null, "", location.pathname + (address.toString() ? "?" + address : ""));
  }

  async function ask(audience, request) {
    const response = await fetch(config.endpoint, {
      method: "POST",
      headers: {
        Accept: "application/graphql-response+json",
        "Content-Type": "application/json",
        "X-Whence-Audience": audience,
      },
      body: JSON.stringify(request),
    });
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      return { errors: [{ message: "The answer is not JSON: HTTP " + response.status + ". " + text.slice(0, 500) }] };
    }
  }

  function Page() {
    const asked = address.get("audience");
    const first = config.audiences.includes(asked) ? asked : config.defaultAudience;
    const [audience, setAudience] = React.useState(first);
    const fetcher = React.useCallback((request) => ask(audience, request), [audience]);
    const choice = h(
      "label",
      { className: "audience" },
      "Audience ",
      h(
        "select",
        {
          id: "audience",
          value: audience,
          onChange: (event) => {
            remember("audience", event.target.value);
            setAudience(event.target.value);
          },
        },
        config.audiences.map((name) => h("option", { key: name, value: name }, name)),
      ),
    );
    // A new key makes a new GraphiQL: another audience has another schema, and its documentation is read afresh.
    return h(GraphiQL, {
      key: audience,
      fetcher: fetcher,
      query: address.get("query") || undefined,
      variables: address.get("variables") || undefined,
      operationName: address.get("operationName") || undefined,
      defaultQuery: config.example,
      onEditQuery: (query) => remember("query", query),
      onEditVariables: (variables) => remember("variables", variables),
      onEditOperationName: (name) => remember("operationName", name),
      toolbar: { additionalContent: choice },
    });
  }

  ReactDOM.render(h(Page), place);
})();
