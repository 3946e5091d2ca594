"""The training recipes that ship with evo-nas, as TOML files to copy and edit."""
