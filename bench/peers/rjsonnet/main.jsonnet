// Every manifest's text in, {cluster: {host: {file: text}}} out.
local templates = import 'templates.libsonnet';

local files(manifest) =
  local members = std.join('', [
    '  - %s %s:5432\n' % [name, manifest.hosts[name].address]
    for name in std.objectFields(manifest.hosts)
  ]);
  {
    [name]:
      local slots = { cluster: manifest.metadata.name, host: name, members: members } + manifest.hosts[name];
      { [file]: templates[file] % slots for file in std.objectFields(templates) }
    for name in std.objectFields(manifest.hosts)
  };

{
  [manifest.metadata.name]: files(manifest)
  for manifest in std.map(std.parseYaml, std.parseJson(std.extVar('manifests')))
}
