# What `rails new` makes and the guide needs, without the parts that it does not.
require "rails"
require "action_controller/railtie"
require "active_job/railtie"

class Shop < Rails::Application
  config.root = File.expand_path("..", __dir__)
  config.load_defaults 6.1
  config.eager_load = true
  config.secret_key_base = "test"
  config.logger = Logger.new($stdout)
end
