[
    ("suppressed.toml", include_str!("../../rules/suppressed.toml")),
    ("microsoft.toml", include_str!("../../rules/microsoft.toml")),
    ("google.toml", include_str!("../../rules/google.toml")),
    ("providers.toml", include_str!("../../rules/providers.toml")),
    ("blocklists.toml", include_str!("../../rules/blocklists.toml")),
    ("identity.toml", include_str!("../../rules/identity.toml")),
    ("network.toml", include_str!("../../rules/network.toml")),
    ("recipient.toml", include_str!("../../rules/recipient.toml")),
    ("message.toml", include_str!("../../rules/message.toml")),
    ("general.toml", include_str!("../../rules/general.toml")),
    ("codes.toml", include_str!("../../rules/codes.toml")),
]
