[
    ("suppressed.toml", include_str!("../../rules/suppressed.toml")),
    ("microsoft.toml", include_str!("../../rules/microsoft.toml")),
    ("google.toml", include_str!("../../rules/google.toml")),
    ("providers.toml", include_str!("../../rules/providers.toml")),
    ("blocklists.toml", include_str!("../../rules/blocklists.toml")),
    ("network.toml", include_str!("../../rules/network.toml")),
    ("recipient.toml", include_str!("../../rules/recipient.toml")),
    ("sender.toml", include_str!("../../rules/sender.toml")),
    ("general.toml", include_str!("../../rules/general.toml")),
    ("codes.toml", include_str!("../../rules/codes.toml")),
]
